// The words of the status chip. Pure: what is known goes in, one line of text comes out, and it never says more than is known.

import type { Status } from "freehold";
import { plural } from "./dom.ts";

/** How the chip looks; the words alone carry the meaning. */
export type Tone = "quiet" | "good" | "waiting" | "problem";

export interface ChipWords {
  readonly text: string;
  readonly tone: Tone;
}

/**
 * Where this device is on its way out of touch and back. `returning` begins when the relay is there again, `back` when
 * everything was sent; the next edit ends it.
 */
export type Journey = "steady" | "away" | "returning" | "back";

export const nextJourney = (now: Journey, status: Status, tunnel: boolean): Journey => {
  if (tunnel || status.relay === "offline") return "away";
  if (status.relay !== "live" || now === "steady") return now;
  if (now === "back") return status.unsaved > 0 ? "steady" : "back";
  return status.unsent === 0 && status.unsaved === 0 ? "back" : "returning";
};

/** `status` is null for a note that has not been begun; `typed` tells whether something waits for it to begin. */
export const chipWords = (status: Status | null, o: { readonly tunnel: boolean; readonly journey: Journey; readonly typed: boolean }): ChipWords => {
  if (status === null) return o.typed ? { text: "Saving…", tone: "quiet" } : { text: o.tunnel ? "In the tunnel" : "On this device only", tone: o.tunnel ? "waiting" : "quiet" };
  const saving = status.unsaved > 0 || status.newest === "memory";
  if (saving && status.problem !== null && status.copies === 0) {
    return { text: status.problem.code === "quota" ? "Not saved: disk full" : "Not saved", tone: "problem" };
  }
  if (status.problem?.code === "not-found") return { text: "No longer on this device", tone: "problem" };
  if (status.problem?.code === "deleted") return { text: saving ? "Saving…" : "On this device only", tone: "waiting" };
  const first = status.content === "waiting" ? "waiting for the first copy" : null;
  if (o.tunnel) {
    const waiting = status.unsent > 0 ? ` · ${status.unsent} waiting` : "";
    return { text: `In the tunnel · ${first ?? (saving ? "saving…" : "saved here")}${waiting}`, tone: "waiting" };
  }
  if (status.relay === "offline") return { text: `Relay gone · ${first ?? (saving ? "saving…" : "still yours")}`, tone: "waiting" };
  if (first !== null) return { text: "Waiting for the first copy", tone: "waiting" };
  if (saving) return { text: "Saving…", tone: "quiet" };
  if (status.relay === "none") return { text: "On this device only", tone: "quiet" };
  if (status.relay === "live" && status.unsent > 0 && o.journey === "returning") return { text: `Sending ${status.unsent}…`, tone: "waiting" };
  if (status.newest === "device" || status.unsent > 0) return { text: "Saved here", tone: "quiet" };
  const seen = status.newest === "peer" && status.seen > 0 ? ` · seen by ${plural(status.seen, "device")}` : "";
  return { text: (o.journey === "back" ? "Up to date" : "Saved here · on relay") + seen, tone: "good" };
};
