// Edits of a text field: the splice found is the one that was typed, and positions follow others' splices.

import assert from "node:assert/strict";
import { test } from "node:test";
import { shownText, toDocument, toShown } from "../src/newlines.ts";
import { difference, mapPosition, mapRange, wellFormed } from "../src/splice.ts";

test("an edit is found where the caret says it happened", () => {
  assert.equal(difference("same", "same", 2), null);
  assert.deepEqual(difference("hello", "helllo", 3), { at: 2, deleted: 0, inserted: 1 }, "the l before the caret is the new one");
  assert.deepEqual(difference("hello", "helllo", 4), { at: 3, deleted: 0, inserted: 1 });
  assert.deepEqual(difference("aaaa", "aaa", 1), { at: 1, deleted: 1, inserted: 0 });
  assert.deepEqual(difference("one two", "one three", 9), { at: 5, deleted: 2, inserted: 4 });
  assert.deepEqual(difference("", "x", 1), { at: 0, deleted: 0, inserted: 1 });
  assert.deepEqual(difference("x", "", 0), { at: 0, deleted: 1, inserted: 0 });
});

test("an edit never cuts a character in two", () => {
  // U+1F600 and U+1F601 share their first half; U+1F600 and U+1FA00 share their second.
  assert.deepEqual(difference("a\u{1F600}b", "a\u{1F601}b", 3), { at: 1, deleted: 2, inserted: 2 });
  assert.deepEqual(difference("a\u{1F600}", "a\u{1FA00}", 3), { at: 1, deleted: 2, inserted: 2 });
  assert.equal(wellFormed("a\ud83db\ude00c\u{1F600}"), "a\ufffdb\ufffdc\u{1F600}");
});

// A seeded walk: Math.imul-based mulberry32, so that a failure can be replayed with SEED.
const random = (seed: number) => (n: number): number => {
  seed = (seed + 0x6d2b79f5) | 0;
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) % n;
};

test("applying what was found gives what was typed", () => {
  const seed = Number(process.env["SEED"] ?? 20261122), pick = random(seed);
  const alphabet = ["a", "b", "\n", "\u{1F600}", "\u{1F601}", "\u{1FA00}"];
  for (let round = 0; round < 5000; round++) {
    const chars = Array.from({ length: pick(12) }, () => alphabet[pick(alphabet.length)]!);
    const at = pick(chars.length + 1), removed = pick(chars.length - at + 1), typed = Array.from({ length: pick(4) }, () => alphabet[pick(alphabet.length)]!);
    const before = chars.join(""), after = [...chars.slice(0, at), ...typed, ...chars.slice(at + removed)].join("");
    const caret = [...chars.slice(0, at), ...typed].join("").length;
    const edit = difference(before, after, caret);
    if (edit === null) {
      assert.equal(before, after, `SEED=${seed} round ${round}`);
      continue;
    }
    const inserted = after.slice(edit.at, edit.at + edit.inserted), deleted = before.slice(edit.at, edit.at + edit.deleted);
    assert.equal(before.slice(0, edit.at) + inserted + before.slice(edit.at + edit.deleted), after, `SEED=${seed} round ${round}`);
    assert.equal(wellFormed(inserted), inserted, `SEED=${seed} round ${round}`);
    assert.equal(wellFormed(deleted), deleted, `SEED=${seed} round ${round}`);
  }
});

test("a caret keeps its place when others write", () => {
  const insert = { at: 4, deleted: 0, inserted: 3 }, replace = { at: 2, deleted: 4, inserted: 1 };
  assert.deepEqual([3, 4, 5].map((at) => mapPosition(at, insert)), [3, 4, 8], "at the same place it stays before what came");
  assert.equal(mapPosition(4, insert, true), 7);
  assert.deepEqual([2, 3, 6, 7].map((at) => mapPosition(at, replace)), [2, 2, 3, 4]);
  assert.deepEqual(mapRange(4, 6, insert), [7, 9], "a range does not grow over what others put at its edge");
  assert.deepEqual(mapRange(3, 5, { at: 0, deleted: 9, inserted: 0 }), [0, 0]);
});

test("carriage returns of a document are kept and counted", () => {
  const text = "a\r\nb\rc\n";
  assert.equal(shownText(text), "a\nb\nc\n");
  assert.deepEqual([0, 1, 2, 3, 4, 5, 6].map((at) => toDocument(text, at)), [0, 1, 3, 4, 5, 6, 7]);
  assert.deepEqual([0, 1, 2, 3, 4, 5, 6, 7].map((at) => toShown(text, at)), [0, 1, 1, 2, 3, 4, 5, 6]);
  assert.equal(toDocument("plain", 3), 3);
});
