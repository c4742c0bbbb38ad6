// The words of the chip, as the storyboard has them, and that they never say more than is known.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { FreeholdError, Status } from "freehold";
import { chipWords, nextJourney, type Journey } from "../src/words.ts";

const known: Status = { content: "complete", newest: "relay", unsaved: 0, unsent: 0, relay: "live", copies: 2, peers: 0, seen: 0, problem: null };
const words = (status: Partial<Status> | null, o: { tunnel?: boolean; journey?: Journey; typed?: boolean } = {}): string =>
  chipWords(status === null ? null : { ...known, ...status }, { tunnel: false, journey: "steady", typed: false, ...o }).text;

test("the storyboard's words", () => {
  assert.equal(words(null), "On this device only");
  assert.equal(words({ newest: "memory", unsaved: 3 }), "Saving…");
  assert.equal(words({ newest: "device", unsent: 1 }), "Saved here");
  assert.equal(words({}), "Saved here · on relay");
  assert.equal(words({ content: "waiting" }), "Waiting for the first copy");
  assert.equal(words({ newest: "peer", peers: 2, seen: 1 }), "Saved here · on relay · seen by 1 device");
  assert.equal(words({ newest: "device", unsent: 14, relay: "offline" }, { tunnel: true }), "In the tunnel · saved here · 14 waiting");
  assert.equal(words({ newest: "device", unsent: 14 }, { journey: "returning" }), "Sending 14…");
  assert.equal(words({ newest: "peer", seen: 1 }, { journey: "back" }), "Up to date · seen by 1 device");
  assert.equal(words({ newest: "device", relay: "offline", unsent: 2 }), "Relay gone · still yours");
  const full = { code: "quota" } as FreeholdError;
  assert.equal(words({ newest: "memory", unsaved: 2, copies: 0, problem: full }), "Not saved: disk full");
});

test("a note that its owner deleted is on this device only, and one that another tab removed is not even that", () => {
  const problem = (code: string): FreeholdError => ({ code }) as FreeholdError;
  assert.equal(words({ problem: problem("deleted") }), "On this device only");
  assert.equal(words({ problem: problem("deleted"), newest: "memory", unsaved: 1 }), "Saving…");
  assert.equal(words({ problem: problem("not-found") }), "No longer on this device");
});

test("no words say saved while something is only in memory", () => {
  for (const relay of ["none", "offline", "connecting", "live"] as const) {
    for (const tunnel of [false, true]) {
      for (const journey of ["steady", "away", "returning", "back"] as const) {
        const text = words({ newest: "memory", unsaved: 1, unsent: 0, relay, peers: 3 }, { tunnel, journey });
        assert.doesNotMatch(text, /saved here|on relay|up to date|still yours|on this device/i, `${relay} ${tunnel} ${journey}`);
      }
    }
  }
  assert.equal(words(null, { typed: true }), "Saving…");
});

test("no words say relay while the newest edit is only here", () => {
  for (const status of [{ newest: "device" }, { newest: "device", unsent: 3 }, { newest: "relay", unsent: 1 }] as const) {
    for (const journey of ["steady", "returning", "back"] as const) assert.doesNotMatch(words(status, { journey }), /on relay|up to date/i);
  }
});

test("a journey out of touch and back", () => {
  const step = (now: Journey, status: Partial<Status>, tunnel = false): Journey => nextJourney(now, { ...known, ...status }, tunnel);
  assert.equal(step("steady", {}), "steady");
  assert.equal(step("steady", {}, true), "away");
  assert.equal(step("steady", { relay: "offline" }), "away");
  assert.equal(step("away", { relay: "connecting" }), "away");
  assert.equal(step("away", { unsent: 4 }), "returning");
  assert.equal(step("returning", { unsent: 0 }), "back");
  assert.equal(step("back", {}), "back");
  assert.equal(step("back", { unsaved: 1 }), "steady");
});
