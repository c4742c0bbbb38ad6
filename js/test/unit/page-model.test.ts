// Lists and records against plain arrays and maps, also in the middle of a change and after one that was rolled back.

import assert from "node:assert/strict";
import { test } from "node:test";
import { defineDoc, s } from "../../src/page/schema.ts";
import type { Pos } from "../../src/types.ts";
import { seed, seeded } from "./page-fixture.ts";
import { settle, ToyVault, toyHome } from "./page-toyvault.ts";

const Board = defineDoc("board", {
  version: 1,
  shape: {
    tags: s.list(s.number()),
    cards: s.list(s.object({ name: s.string(), notes: s.list(s.string()) })),
    byKey: s.record(s.object({ name: s.string(), text: s.text(), votes: s.counter(), tags: s.list(s.string()), inner: s.record(s.number()), due: s.instant().optional() })),
    texts: s.record(s.text()),
  },
});
const plain = (v: unknown): unknown => JSON.parse(JSON.stringify(v, (k, x: unknown) => (k === "$id" ? undefined : x)));
const MINE = new Error("rolled back on purpose");

test("a list does what an array does", async () => {
  const vault = new ToyVault();
  const doc = await toyHome(vault).home.create(Board);
  const random = seeded(seed("lists"));
  let model: { id: string; n: number }[] = [];
  for (let round = 0; round < 400; round++) {
    const before = [...model];
    const fails = random(6) === 0;
    try {
      doc.change((d) => {
        for (let step = random(5); step >= 0; step--) {
          const { length } = model;
          const some = length > 0 ? model[random(length)]! : null;
          const other = length > 0 ? model[random(length)]! : null;
          const end = (without: number): number => random(length - without + 1);
          switch (random(length > 12 ? 4 : 3)) {
            case 0: {
              const n = random(1000);
              const kind = random(4);
              const to: Pos | undefined = kind === 0 || other === null ? undefined : kind === 1 ? { at: end(0) } : kind === 2 ? { before: other.id } : { after: other.id };
              const at = to === undefined ? length : "at" in to ? to.at : model.indexOf(other!) + ("after" in to ? 1 : 0);
              model.splice(at, 0, { id: d.tags.add(n, to), n });
              break;
            }
            case 1: case 2: {
              if (some === null) break;
              const kind = random(3);
              const to: Pos = kind === 0 ? { at: end(1) } : kind === 1 ? { before: other!.id } : { after: other!.id };
              d.tags.move(some.id, to);
              if (kind !== 0 && some === other) break;
              model.splice(model.indexOf(some), 1);
              model.splice("at" in to ? to.at : model.indexOf(other!) + ("after" in to ? 1 : 0), 0, some);
              break;
            }
            case 3: {
              assert.ok(d.tags.delete(some!.id));
              assert.ok(!d.tags.delete(some!.id));
              assert.equal(d.tags.get(some!.id), undefined);
              model.splice(model.indexOf(some!), 1);
              break;
            }
          }
          assert.equal(d.tags.length, model.length);
          if (random(3) === 0) {
            assert.deepEqual([...d.tags], model.map((x) => x.n));
            assert.equal(d.tags.idAt(-1), model.at(-1)?.id);
          }
        }
        if (fails) throw MINE;
      });
    } catch (e) {
      if (e !== MINE) throw e;
      model = before;
    }
    assert.deepEqual(doc.value.tags, model.map((x) => x.n), `round ${round}`);
  }
  await settle();
  const there = await toyHome(vault).home.open(Board, doc.id);
  assert.deepEqual(there.value.tags, doc.value.tags);
  there.change((d) => assert.deepEqual(model.map((x) => d.tags.get(x.id)), model.map((x) => x.n)));
});

test("setting an entry makes it exactly that, whatever was there or had been deleted", async () => {
  const vault = new ToyVault();
  const doc = await toyHome(vault).home.create(Board);
  const random = seeded(seed("records"));
  const model = new Map<string, unknown>();
  for (let round = 0; round < 200; round++) {
    const key = `k${random(4)}`;
    doc.change((d) => {
      if (random(3) === 0) assert.equal(d.byKey.delete(key), model.delete(key));
      else {
        const input = {
          name: `n${round}`,
          ...(random(2) === 0 ? { text: `t${round}` } : {}),
          ...(random(2) === 0 ? { votes: random(9) - 4 } : {}),
          ...(random(2) === 0 ? { tags: ["a", `b${round}`].slice(random(2)) } : {}),
          ...(random(2) === 0 ? { inner: { x: round, [`y${random(3)}`]: 1 } } : {}),
          ...(random(2) === 0 ? { due: "2026-11-22T15:00:00.000Z" } : {}),
        };
        assert.equal(d.byKey.set(key, input).name, input.name);
        model.set(key, { text: "", votes: 0, tags: [], inner: {}, ...input });
      }
      assert.deepEqual([...d.byKey.keys()].sort(), [...model.keys()].sort());
      if (random(3) === 0) d.texts.set("t", `text ${round}`).insert(0, "> ");
    });
    assert.deepEqual(plain(doc.value.byKey), Object.fromEntries(model), `round ${round}`);
  }
  await settle();
  const there = await toyHome(vault).home.open(Board, doc.id);
  assert.deepEqual(plain(there.value), plain(doc.value));
  there.change((d) => { for (const key of ["k0", "k1", "k2", "k3"]) d.byKey.set(key, { name: "last" }); });
  assert.deepEqual(Object.values(plain(there.value.byKey) as object), Array(4).fill({ name: "last", text: "", votes: 0, tags: [], inner: {} }));
  await settle();
  assert.deepEqual(plain(doc.value), plain(there.value));
});

test("items made, filled, moved and read in one change", async () => {
  const doc = await toyHome(new ToyVault()).home.create(Board, { cards: [{ name: "a", notes: ["1"] }] });
  doc.change((d) => {
    const b = d.cards.add({ name: "b" }, { at: 0 });
    d.cards.get(b)!.notes.add("x");
    d.cards.get(b)!.notes.add("w", { at: 0 });
    d.cards.move(b, { at: 1 });
    assert.deepEqual([...d.cards].map((c) => [c.name, [...c.notes]]), [["a", ["1"]], ["b", ["w", "x"]]]);
    assert.ok(d.cards.delete(d.cards.idAt(0)!));
    assert.equal(d.cards.at(0)?.$id, b);
  });
  assert.deepEqual(plain(doc.value.cards), [{ name: "b", notes: ["w", "x"] }]);
});
