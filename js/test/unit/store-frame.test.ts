// Frames and records: known checksums, and what damage costs.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { crc32c, encodeFrame, frameAt, readFrames } from "../../../idb/frame.ts";
import {
  Type, decodeEntries, decodeHead, decodeMarker, decodeMarks, decodeSecret, decodeSnapshot, encodeEntries, encodeHead, encodeMarker, encodeMarks, encodeSecret,
  encodeSnapshot,
} from "../../../idb/record.ts";
import { certOf, docId, envelope, headOf, secretOf, sessionId, snapshotOf } from "../harness/contract.ts";

const concat = (...parts: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts));

test("crc32c gives the values of RFC 3720 B.4", () => {
  const up = Uint8Array.from({ length: 32 }, (_, i) => i);
  assert.deepEqual([new Uint8Array(32), new Uint8Array(32).fill(255), up, up.slice().reverse()].map(crc32c), [0x8a9136aa, 0x62a8ab43, 0x46dd794e, 0x113fdb5c]);
});

test("a file cut anywhere gives exactly the frames that are whole in it", () => {
  const frames = [1, 2, 3].map((n) => encodeFrame(1, 0, new Uint8Array(n * 5).fill(n)));
  const file = concat(...frames);
  const ends = frames.map((_, i) => frames.slice(0, i + 1).reduce((sum, f) => sum + f.length, 0));
  for (let length = 0; length <= file.length; length++) {
    const { frames: read, damage } = readFrames(file.subarray(0, length));
    const whole = ends.filter((end) => end <= length).length;
    assert.equal(read.length, whole, `${length} bytes`);
    const end = whole === 0 ? 0 : (ends[whole - 1] as number);
    assert.deepEqual(damage, end === length ? [] : [{ at: end, bytes: length - end, tail: true }]);
  }
});

test("a flipped bit costs the frame that it is in, and is reported", () => {
  const frames = [1, 2, 3].map((n) => encodeFrame(1, 0, new Uint8Array(8).fill(n)));
  const file = concat(...frames);
  for (let bit = 0; bit < file.length * 8; bit++) {
    const bad = file.slice();
    bad[bit >> 3] = (bad[bit >> 3] as number) ^ (1 << (bit & 7));
    const hit = Math.floor((bit >> 3) / 20);
    const { frames: read, damage } = readFrames(bad);
    assert.deepEqual(read.map((f) => f.payload[0]), [1, 2, 3].filter((n) => n !== hit + 1), `bit ${bit}`);
    assert.deepEqual(damage, [{ at: hit * 20, bytes: 20, tail: hit === 2 }]);
  }
});

test("stray bytes and zeros between frames are passed over", () => {
  const frame = encodeFrame(1, 0, new Uint8Array([7]));
  const { frames, damage } = readFrames(concat(frame, new Uint8Array(4096), frame, Uint8Array.of(0x46, 0x72, 1, 0, 255, 255, 255, 255), frame));
  assert.equal(frames.length, 3);
  assert.deepEqual(damage.map((d) => [d.bytes, d.tail]), [[4096, false], [8, false]]);
});

test("every record comes back as it was, and is no other record", () => {
  const mark = { relay: "https://relay.example", store: "s", cursor: 2 ** 52, last: 5, tail: 3, snapshot: 7, known: [{ session: sessionId(1), seq: 2 ** 32 - 1 }] };
  const head = { id: docId(1), type: "note", rights: "read" as const, changed: 1_763_800_000_000, head: { title: "\u{1F4DD} ok", done: [true, null] } };
  const entries = { certs: [certOf(1)], envelopes: [envelope(1, 0), envelope(2, 2 ** 32 - 1, 0)] };
  const secret = secretOf(3, { relayHint: "r.example", genesis: null });
  const snapshot = snapshotOf(7, [headOf(1, 3), headOf(2, 9)], 70_000);
  const all: ReadonlyArray<readonly [Uint8Array, (f: ReturnType<typeof frameAt>) => unknown, unknown]> = [
    [encodeMarker(), decodeMarker, 0],
    [encodeEntries(entries), decodeEntries, entries],
    [encodeSecret(secret), decodeSecret, secret],
    [encodeHead(5, head), decodeHead, { turn: 5, value: head }],
    [encodeMarks(6, [mark]), decodeMarks, { turn: 6, value: [mark] }],
    [encodeSnapshot(snapshot), decodeSnapshot, snapshot],
  ];
  all.forEach(([bytes], i) => {
    all.forEach(([, decode, value], j) => assert.deepEqual(decode(frameAt(bytes, 0)), i === j ? value : null));
  });
});

test("a payload that is cut, too long or of a newer version is refused, not half read", () => {
  const payload = frameAt(encodeEntries({ certs: [certOf(1)], envelopes: [envelope(1, 0, 40)] }), 0)?.payload as Uint8Array;
  for (let length = 0; length < payload.length; length++) assert.equal(decodeEntries(frameAt(encodeFrame(Type.entries, 0, payload.subarray(0, length)), 0)), null);
  assert.equal(decodeEntries(frameAt(encodeFrame(Type.entries, 0, concat(payload, Uint8Array.of(0))), 0)), null);
  assert.equal(decodeEntries(frameAt(encodeFrame(Type.entries, 1, payload), 0)), null);
  // A count of 2^32 items in six bytes allocates nothing.
  assert.equal(decodeEntries(frameAt(encodeFrame(Type.entries, 0, Uint8Array.of(0x80, 0x80, 0x80, 0x80, 0x10, 0)), 0)), null);
});

test("the example in docs/STORAGE.md is what the code writes", () => {
  const page = readFileSync(join(import.meta.dirname, "../../../docs/STORAGE.md"), "utf8");
  const [, hex = ""] = /```hex\n([^`]+)```/.exec(page) ?? [];
  const bytes = hex.split("\n").flatMap((line) => (line.split("  ")[0] ?? "").trim().split(/\s+/)).filter((b) => b !== "").map((b) => Number.parseInt(b, 16));
  const expected = encodeEntries({ certs: [], envelopes: [{ session: "AAECAwQFBgcICQoLDA0ODw", seq: 258, bytes: Uint8Array.of(0xaa, 0xbb, 0xcc) }] });
  assert.deepEqual(Uint8Array.from(bytes), expected);
});
