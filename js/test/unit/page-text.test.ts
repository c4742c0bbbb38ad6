// Texts pinned to their version, without the core: a string stands for it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { GapBuffer } from "../../src/page/gapbuffer.ts";
import { PinnedText, type Splice } from "../../src/page/pinnedtext.ts";
import { seed, seeded } from "./page-fixture.ts";

const apply = (text: string, s: { at: number; remove: number; insert: string }): string => text.slice(0, s.at) + s.insert + text.slice(s.at + s.remove);

test("every version shows its own text, whenever it is read first", () => {
  const random = seeded(seed("versions"));
  for (let round = 0; round < 40; round++) {
    const core = { text: "The quick brown fox", read: () => core.text };
    let newest = new PinnedText(core.text.length, core, null);
    const versions: { view: PinnedText; text: string }[] = [{ view: newest, text: core.text }];
    for (let i = 0; i < 60; i++) {
      const splices: Splice[] = [];
      for (let n = random(4) === 0 ? 3 : 1; n > 0; n--) {
        const at = random(core.text.length + 1);
        const remove = Math.min(random(4), core.text.length - at);
        const insert = "abcdefgh".slice(0, random(6));
        splices.push({ at, inserted: insert.length, deleted: core.text.slice(at, at + remove) });
        core.text = apply(core.text, { at, remove, insert });
      }
      const [only] = splices;
      newest = splices.length === 1 && only ? newest.advance(only.at, only.inserted, only.deleted) : newest.advanceBy(splices);
      versions.push({ view: newest, text: core.text });
      // Some are read on the way: their text is kept, and older ones start from it.
      if (random(5) === 0) {
        const v = versions[random(versions.length)]!;
        assert.equal(v.view.toString(), v.text);
      }
    }
    for (let i = versions.length; i > 0; i--) {
      const [v] = versions.splice(random(i), 1);
      assert.equal(v!.view.length, v!.text.length);
      assert.equal(v!.view.toString(), v!.text);
    }
  }
});

test("reading an old version after 200,000 edits at one place", () => {
  const core = { text: "x".repeat(50_000), read: () => core.text };
  const first = new PinnedText(core.text.length, core, null);
  let newest = first;
  const typed = "y".repeat(200_000);
  for (let i = 0; i < typed.length; i++) newest = newest.advance(25_000 + i, 1, "");
  core.text = core.text.slice(0, 25_000) + typed + core.text.slice(25_000);
  assert.equal(first.toString(), "x".repeat(50_000));
  assert.equal(newest.length, 250_000);
});

test("spans and JSON", () => {
  assert.deepEqual(PinnedText.of("ab").spans(), [{ text: "ab", marks: {} }]);
  assert.deepEqual(PinnedText.of("").spans(), []);
  assert.equal(JSON.stringify({ t: PinnedText.of("ab") }), '{"t":"ab"}');
  assert.ok(Object.isFrozen(PinnedText.of("ab")));
});

test("a gap buffer does what a string does", () => {
  const random = seeded(seed("gap"));
  let text = "hello";
  const buffer = new GapBuffer(text);
  for (let i = 0; i < 3000; i++) {
    const at = random(text.length + 1);
    const remove = Math.min(random(8), text.length - at);
    const insert = "0123456789".repeat(random(20) === 0 ? 300 : 1).slice(0, random(9) + (random(20) === 0 ? 2000 : 0));
    buffer.splice(at, remove, insert);
    text = apply(text, { at, remove, insert });
    if (i % 100 === 0) assert.equal(buffer.toString(), text);
    assert.equal(buffer.slice(at, Math.min(5, text.length - at)), text.slice(at, at + 5));
  }
  assert.equal(buffer.toString(), text);
});
