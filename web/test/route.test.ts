// What an address leads to.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ago } from "../src/when.ts";
import { otherOrigin, routeOf } from "../src/route.ts";

const at = (hash: string) => routeOf(new URL(`http://localhost:7070/${hash}`));

test("routes", () => {
  assert.deepEqual(at(""), { kind: "start" });
  assert.deepEqual(at("#d/abc"), { kind: "note", id: "abc" });
  assert.deepEqual(at("#notes"), { kind: "list" });
  assert.deepEqual(at("#new"), { kind: "new" });
  assert.deepEqual(at("#1w.abc.def.7c"), { kind: "link", link: "http://localhost:7070/#1w.abc.def.7c" });
  assert.deepEqual(at("?home#1a.abc.def.7c"), { kind: "home", link: "http://localhost:7070/?home#1a.abc.def.7c" });
  assert.equal(at("#1a.abc?home#").kind, "link", "what is after the # says nothing about the place");
  assert.equal(at("#1w").kind, "link", "a link cut short is told to the person as one, not taken for something else");
  assert.equal(at("#9x.later").kind, "link");
});

test("a second device is the other loopback address", () => {
  assert.equal(otherOrigin(new URL("http://localhost:7070/#d/x")), "http://127.0.0.1:7070/");
  assert.equal(otherOrigin(new URL("http://127.0.0.1:7070/")), "http://localhost:7070/");
  assert.equal(otherOrigin(new URL("https://notes.example/")), null);
});

test("when a note changed", () => {
  const now = new Date(2026, 10, 22, 15, 0).getTime();
  assert.equal(ago(now - 30_000, now), "now");
  assert.equal(ago(now + 5_000, now), "now", "a clock that was set back");
  assert.equal(ago(now - 5 * 60_000, now), "5 min");
  assert.match(ago(now - 3 * 3_600_000, now), /12.00/);
  assert.doesNotMatch(ago(now - 9 * 86_400_000, now), /2026/);
  assert.match(ago(now - 400 * 86_400_000, now), /2025/);
});
