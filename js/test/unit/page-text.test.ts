// Texts pinned to their version, without the core: a string stands for it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { GapBuffer } from "../../src/page/gapbuffer.ts";
import { PinnedText, Trail } from "../../src/page/pinnedtext.ts";
import { seed, seeded } from "./page-fixture.ts";

const apply = (text: string, s: { at: number; remove: number; insert: string }): string => text.slice(0, s.at) + s.insert + text.slice(s.at + s.remove);

test("every version shows its own text, whenever it is read first", () => {
  const random = seeded(seed("versions"));
  for (let round = 0; round < 60; round++) {
    const core = { text: "The quick brown fox", read: () => core.text };
    const trail = new Trail(core);
    const versions: { view: PinnedText; text: string }[] = [];
    // Some rounds are longer than a piece of trail; in some nearly every version is read at once, in some none.
    const steps = round % 3 === 0 ? 700 : 60;
    for (let i = 0; i < steps; i++) {
      if (random(3) > 0) versions.push({ view: trail.version(core.text.length), text: core.text });
      for (let n = random(4) === 0 ? 3 : 1; n > 0; n--) {
        const at = random(core.text.length + 1);
        const remove = Math.min(random(4), core.text.length - at);
        const insert = "abcdefgh".slice(0, random(6));
        trail.splice(at, insert.length, core.text.slice(at, at + remove));
        core.text = apply(core.text, { at, remove, insert });
      }
      if (versions.length > 0 && random(round % 4 === 1 ? 2 : 9) === 0) {
        const v = random(2) === 0 ? versions.at(-1)! : versions[random(versions.length)]!;
        assert.equal(v.view.toString(), v.text);
      }
    }
    if (round % 2 === 0) {
      trail.keep();
      core.text = "gone";
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
  const trail = new Trail(core);
  const first = trail.version(core.text.length);
  const typed = "y".repeat(200_000);
  for (let i = 0; i < typed.length; i++) trail.splice(25_000 + i, 1, "");
  core.text = core.text.slice(0, 25_000) + typed + core.text.slice(25_000);
  assert.equal(first.toString(), "x".repeat(50_000));
  assert.equal(trail.version(core.text.length).toString(), core.text);
});

test("when the source is replaced, an equal text keeps its identity and unread versions show the recovered one", () => {
  const before = { read: (): string => { throw new Error("dead"); } };
  const after = { read: () => "recovered" };
  const unread = new Trail(before);
  const old = unread.version(5);
  unread.splice(0, 3, "");
  const newest = unread.version(8);
  const trail = new Trail(after);
  unread.handOver(trail, after.read());
  assert.deepEqual([String(old), String(newest), newest.length], ["recovered", "recovered", 9]);
  const same = { read: () => "same" };
  const read = new Trail(same);
  const v = read.version(4);
  assert.equal(String(v), "same");
  const next = new Trail(same);
  read.handOver(next, "same");
  assert.equal(next.version(4), v);
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
