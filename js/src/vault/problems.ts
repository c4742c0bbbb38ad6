// The machine's problem numbers (internal/sync/problem.go) in words, and errors as those numbers.

import { FreeholdError, type Code } from "../errors.ts";
import type { DocId, Problem } from "../protocol.ts";
import { storeHints } from "../store/storeerror.ts";
import type { RelayCode } from "../wire/wire.ts";

export const problem = {
  none: 0,
  deviceFull: 1, deviceLost: 2, deviceEvicted: 3, deviceBlocked: 4, newerFormat: 5,
  wrongKey: 10, forged: 11, incomplete: 12, forked: 13, badSnapshot: 14, divided: 15,
  relayFull: 20, relayQuota: 21, relayTooLarge: 22, relayRefused: 23, relayBusy: 24, relayGarbage: 25, relayGap: 26, relaySignature: 27, relayStale: 28, relayGone: 29,
} as const;
export type ProblemNumber = (typeof problem)[keyof typeof problem];

const words: Readonly<Record<Exclude<ProblemNumber, 0>, readonly [Code, string, string]>> = {
  1: ["quota", "This device has no room for your newest edits.", storeHints.quota],
  2: ["storage-lost", "What was stored on this device cannot be reached.", storeHints["storage-lost"]],
  3: ["evicted", "The browser removed what was stored here.", storeHints.evicted],
  4: ["blocked", "Another tab keeps the store in an older form.", storeHints.blocked],
  5: ["newer-format", "Something here was written by a newer version of this app, or is too much for its memory.", storeHints["newer-format"]],
  10: ["wrong-key", "This link does not open that document.", "Ask for the link again, and copy it whole."],
  11: ["relay-invalid", "The relay gave something that no writer of this document signed. It was not taken.", "Your document is as it was. If it happens again, use another relay."],
  12: ["relay-invalid", "The relay holds back part of what somebody wrote.", "Nothing here is lost. It is asked for again with the next connection; another relay or device may have it."],
  13: ["relay-invalid", "One writing session signed two different histories. Neither is followed any further.", "Somebody may use a copied session. Make a new document from this one and share that."],
  14: ["relay-invalid", "Somebody who may write shared a snapshot of this document that lacks something.", "Nothing here is lost: what you have went to the relay again. Find out whose device or app made it."],
  15: ["relay-invalid", "Somebody who has this document open has another history of it than you have.", "The relay shows different things to different devices, or somebody's app is broken. Nothing here is lost; compare with the others, and use another relay."],
  20: ["relay-refused", "The relay's disk is full.", "Your edits are safe here and go out when it has room again. Tell whoever runs it, or use another relay."],
  21: ["relay-refused", "This document is at its limit on the relay.", "Your edits are safe here. Ask whoever runs the relay for more room, or use another one."],
  22: ["too-large", "One edit is too large for the relay.", "It is safe here. Undo it and add it in smaller pieces."],
  23: ["relay-refused", "The relay does not serve this document, or not from this address.", "Your edits are safe here. Check the relay's address, or use another one."],
  24: ["relay-refused", "The relay has too much to do.", "Your edits are safe here and go out in a moment."],
  25: ["relay-invalid", "What answers at the relay's address is not a relay of this protocol.", "Check the relay's address. Your edits are safe here."],
  26: ["relay-refused", "The relay lacks earlier parts of a session.", "They reach it inside a snapshot; nothing is lost."],
  27: ["relay-refused", "The relay did not accept a signature of this device.", "Your edits are safe here. Reload to begin a new session."],
  28: ["relay-refused", "The relay begins a session later than this device.", "Nothing is lost."],
  29: ["deleted", "The owner of this document deleted it from the relay.", "What you have stays on this device, and is shared no more. Export it if you need it, then forget it."],
};

/** Null for no problem. */
export const toProblem = (n: ProblemNumber, doc?: DocId): Problem | null => {
  if (n === problem.none) return null;
  const [code, message, hint] = words[n] ?? words[25];
  return doc === undefined ? { code, message, hint } : { code, message, hint, doc };
};

/** Any thrown thing as data for the page. */
export const errorToProblem = (e: unknown, doc?: DocId): Problem => {
  const known = e instanceof FreeholdError;
  const code = known ? e.code : "storage-lost";
  const message = e instanceof Error ? e.message : String(e);
  const hint = known ? e.hint : "This is a fault of the app. Reload the page; what is stored stays.";
  const about = known ? (e.doc ?? doc) : doc;
  return about === undefined ? { code, message, hint } : { code, message, hint, doc: about };
};

/** The number for an error of a store or of cryptography. */
export const errorToNumber = (e: unknown, otherwise: Exclude<ProblemNumber, 0>): Exclude<ProblemNumber, 0> => {
  switch (e instanceof FreeholdError ? e.code : null) {
    case "quota": return problem.deviceFull;
    case "storage-lost": return problem.deviceLost;
    case "evicted": return problem.deviceEvicted;
    case "blocked": return problem.deviceBlocked;
    case "newer-format": return problem.newerFormat;
    case "wrong-key": return problem.wrongKey;
    case "relay-invalid": return problem.forged;
    default: return otherwise;
  }
};

/** The number for a relay's refusal. */
export const relayCodeToNumber = (code: RelayCode): Exclude<ProblemNumber, 0> => {
  switch (code) {
    case "storage": return problem.relayFull;
    case "quota": return problem.relayQuota;
    case "too-large": return problem.relayTooLarge;
    case "busy": case "stopping": return problem.relayBusy;
    case "gap": return problem.relayGap;
    case "stale": return problem.relayStale;
    case "fork": case "bad-chain": case "bad-signature": case "bad-certificate": case "bad-envelope": case "no-session": return problem.relaySignature;
    case "forbidden": case "unproven": case "no-room": case "bad-genesis": return problem.relayRefused;
    case "gone": return problem.relayGone;
    default: return problem.relayGarbage;
  }
};
