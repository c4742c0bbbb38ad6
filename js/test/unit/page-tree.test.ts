// Trees over the real core: what a developer sees.

import assert from "node:assert/strict";
import { test } from "node:test";
import { defineDoc, s } from "../../src/page/schema.ts";
import { MAX_LEVELS } from "../../src/page/treenode.ts";
import type { Doc, TreePos } from "../../src/types.ts";
import { code, seed, seeded } from "./page-fixture.ts";
import { settle, ToyVault, toyHome } from "./page-toyvault.ts";

const Outline = defineDoc("outline", {
  version: 1,
  shape: { nodes: s.tree(s.object({ title: s.string(), body: s.text(), tags: s.list(s.string()) })), words: s.tree(s.string()) },
});
interface Shown { readonly $id: string; readonly children: readonly Shown[] }
/** Titles, and in brackets what is below. */
const short = (nodes: readonly Shown[]): string =>
  nodes.map((n) => String((n as unknown as { title?: string; value?: string }).title ?? (n as unknown as { value: string }).value) + (n.children.length > 0 ? `(${short(n.children)})` : "")).join(" ");
const create = (): Promise<Doc<typeof Outline>> => toyHome(new ToyVault()).home.create(Outline);
const MINE = new Error("rolled back on purpose");

test("nodes are added, edited, moved and deleted with what is below them", async () => {
  const doc = await create();
  const [a, b, c] = doc.change((d) => {
    const a = d.nodes.add({ title: "a", children: [{ title: "a1" }, { title: "a2", children: [{ title: "deep", body: "text", tags: ["t"] }] }] });
    const c = d.nodes.add({ title: "c" });
    const b = d.nodes.add({ title: "b" }, { before: c });
    d.nodes.add({ title: "b1" }, { parent: b });
    d.nodes.add({ title: "b0" }, { parent: b, at: 0 });
    assert.deepEqual(d.nodes.children(), [a, b, c]);
    assert.equal(d.nodes.get(d.nodes.children(b)[0]!)!.title, "b0");
    return [a, b, c];
  });
  assert.equal(short(doc.value.nodes), "a(a1 a2(deep)) b(b0 b1) c");
  const deep = doc.value.nodes[0]!.children[1]!.children[0]!;
  assert.deepEqual([deep.title, String(deep.body), deep.tags, deep.children], ["deep", "text", ["t"], []]);
  doc.change((d) => {
    d.nodes.move(a!, { parent: c! });
    d.nodes.get(deep.$id)!.body.insert(0, "more ");
    assert.equal(d.nodes.parent(a!), c);
    assert.equal(d.nodes.parent(c!), undefined);
  });
  assert.equal(short(doc.value.nodes), "b(b0 b1) c(a(a1 a2(deep)))");
  doc.change((d) => d.nodes.move(b!, { after: a! }));
  assert.equal(short(doc.value.nodes), "c(a(a1 a2(deep)) b(b0 b1))");
  doc.change((d) => {
    assert.ok(d.nodes.delete(a!));
    assert.ok(!d.nodes.delete(deep.$id));
    assert.equal(d.nodes.get(deep.$id), undefined);
    d.words.add({ value: "x", children: [{ value: "y" }] });
  });
  assert.equal(short(doc.value.nodes), "c(b(b0 b1))");
  assert.equal(short(doc.value.words), "x(y)");
  assert.equal(doc.change((d) => d.words.get(doc.value.words[0]!.$id)), "x");
  assert.deepEqual(JSON.parse(JSON.stringify(doc.value.words)), [{ $id: doc.value.words[0]!.$id, value: "x", children: [{ $id: doc.value.words[0]!.children[0]!.$id, value: "y", children: [] }] }]);
});

test("what is refused, with its code, before anything happened", async () => {
  const doc = await create();
  const [a, b] = doc.change((d) => {
    const a = d.nodes.add({ title: "a" });
    return [a, d.nodes.add({ title: "b" }, { parent: a })];
  });
  const before = doc.value;
  const refused = (f: (d: any) => void): void => assert.throws(() => doc.change((d) => f(d)), code("invalid"));
  refused((d) => d.nodes.move(a, { parent: b }));
  refused((d) => d.nodes.move(a, { parent: a }));
  refused((d) => d.nodes.move("nobody", {}));
  refused((d) => d.nodes.add({ title: "x" }, { parent: "nobody" }));
  refused((d) => d.nodes.add({ title: "x" }, { parent: a, at: 2 }));
  refused((d) => d.nodes.add({ title: "x" }, { before: b, at: 0 }));
  refused((d) => d.nodes.add({ title: "x" }, { before: a, parent: b }));
  refused((d) => d.nodes.add({ title: "x", colour: 1 }));
  refused((d) => d.nodes.add({ title: "x", children: 1 }));
  refused((d) => d.nodes.add({}));
  refused((d) => d.words.add("x"));
  refused((d) => d.words.add({ value: 1 }));
  refused((d) => { d.nodes.delete(a); d.nodes.children(b); });
  assert.equal(doc.value, before);
  doc.change((d) => d.nodes.move(b!, { before: b! })); // beside itself is where it is
  assert.equal(doc.value, before);
  assert.throws(() => s.tree(s.text() as never), code("invalid"));
  assert.throws(() => s.tree(s.object({ children: s.string() })), code("invalid"));
});

test("what did not change keeps its identity, all is frozen, references find their node", async () => {
  const doc = await create();
  const [a1, b] = doc.change((d) => {
    const a = d.nodes.add({ title: "a", children: [{ title: "a1", body: "x" }, { title: "a2" }] });
    return [d.nodes.children(a)[0]!, d.nodes.add({ title: "b" })];
  });
  const before = doc.value.nodes;
  const told: unknown[] = [];
  const ref = doc.at.nodes.node(a1!).body;
  ref.observe((splices) => told.push(...splices));
  doc.change((d) => d.nodes.get(a1!)!.body.insert(1, "y"));
  const now = doc.value.nodes;
  assert.equal(now[1], before[1]);
  assert.equal(now[0]!.children[1], before[0]!.children[1]);
  assert.notEqual(now[0]!.children[0], before[0]!.children[0]);
  assert.equal(String(before[0]!.children[0]!.body), "x");
  assert.deepEqual(told, [{ at: 1, delete: 0, insert: "y" }]);
  for (const v of [now, now[0], now[0]!.children, now[0]!.children[0]]) assert.ok(Object.isFrozen(v));
  doc.change((d) => d.nodes.move(b!, { at: 0 }));
  assert.equal(doc.value.nodes[0], now[1]);
  assert.equal(doc.value.nodes[1], now[0]);
  doc.change((d) => d.nodes.delete(a1!));
  assert.throws(() => ref.value, code("not-found"));
});

interface Model { id: string; title: string; children: Model[] }
const shape = (nodes: readonly Model[]): unknown => nodes.map((n) => [n.id, n.title, shape(n.children)]);
const shapeOf = (nodes: readonly (Shown & { readonly title: string })[]): unknown => nodes.map((n) => [n.$id, n.title, shapeOf(n.children as never)]);

test("a tree does what nested arrays do, also in the middle of a change and after one that was rolled back", async () => {
  const vault = new ToyVault();
  const doc = await toyHome(vault).home.create(Outline);
  const random = seeded(seed("trees"));
  let model: Model[] = [];
  const all = (rows: Model[]): Model[] => rows.flatMap((n) => [n, ...all(n.children)]);
  const rowOf = (id: string): Model[] => [model, ...all(model).map((n) => n.children)].find((row) => row.some((n) => n.id === id))!;
  for (let round = 0; round < 300; round++) {
    const before = structuredClone(model);
    try {
      doc.change((d) => {
        for (let n = random(4); n >= 0; n--) {
          const nodes = all(model);
          const some = nodes[random(nodes.length)];
          const other = nodes[random(nodes.length)];
          /** A place, and the same in the model. */
          const place = (moved: Model | null): { to: TreePos; put: (node: Model) => void } | null => {
            if (other !== undefined && random(2) === 0) {
              if (moved !== null && (moved === other || all(moved.children).includes(other))) return null;
              const after = random(2);
              return { to: after ? { after: other.id } : { before: other.id }, put: (node) => { const row = rowOf(other.id); row.splice(row.indexOf(other) + after, 0, node); } };
            }
            const parent = other !== undefined && random(4) > 0 ? other : null;
            if (moved !== null && parent !== null && (moved === parent || all(moved.children).includes(parent))) return null;
            const row = parent === null ? model : parent.children;
            const at = random(row.filter((x) => x !== moved).length + 1);
            return { to: { ...(parent === null ? {} : { parent: parent.id }), ...(random(3) === 0 && at === row.filter((x) => x !== moved).length ? {} : { at }) }, put: (node) => row.splice(at, 0, node) };
          };
          switch (random(nodes.length > 30 ? 5 : 4)) {
            case 0: case 1: {
              const { to, put } = place(null)!;
              const title = `n${round}`;
              put({ id: d.nodes.add({ title }, to), title, children: [] });
              break;
            }
            case 2: case 3: {
              const where = some === undefined ? null : place(some);
              if (where === null) break;
              d.nodes.move(some!.id, where.to);
              const row = rowOf(some!.id);
              row.splice(row.indexOf(some!), 1);
              where.put(some!);
              break;
            }
            case 4: {
              assert.ok(d.nodes.delete(some!.id));
              const row = rowOf(some!.id);
              row.splice(row.indexOf(some!), 1);
            }
          }
          const seen = (id?: string): unknown => d.nodes.children(id).map((x) => [x, d.nodes.get(x)!.title, seen(x)]);
          if (random(4) === 0) assert.deepEqual(seen(), shape(model));
        }
        if (random(6) === 0) throw MINE;
      });
    } catch (e) {
      if (e !== MINE) throw e;
      model = before;
    }
    assert.deepEqual(shapeOf(doc.value.nodes), shape(model), `round ${round}`);
  }
  await settle();
  assert.deepEqual(shapeOf((await toyHome(vault).home.open(Outline, doc.id)).value.nodes), shape(model));
});

test("two pages converge; a fresh view shows the same as the mirror, and old values what they showed", async () => {
  const vault = new ToyVault();
  const a = await toyHome(vault).home.create(Outline);
  await settle();
  const b = await toyHome(vault).home.open(Outline, a.id);
  const docs = [a, b];
  const random = seeded(seed("concurrent trees"));
  const kept: { readonly view: readonly Shown[]; readonly json: string }[] = [];
  const ids = (nodes: readonly Shown[]): string[] => nodes.flatMap((n) => [n.$id, ...ids(n.children)]);
  for (let i = 0; i < 250; i++) {
    const doc = docs[random(2)]!;
    doc.change((d) => {
      const there = ids(doc.value.nodes);
      const some = there[random(there.length)];
      const other = there[random(there.length)];
      switch (random(6)) {
        case 0: case 1: d.nodes.add({ title: `n${i}`, children: [{ title: "below" }] }, other === undefined ? {} : [{ parent: other }, { before: other }, { after: other }][random(3)]); break;
        case 2: case 3:
          for (let up: string | undefined = other; up !== undefined; up = d.nodes.parent(up)) if (up === some) return;
          if (some !== undefined) d.nodes.move(some, other === undefined ? {} : { parent: other });
          break;
        case 4: if (some !== undefined && there.length > 12) d.nodes.delete(some); break;
        case 5: if (some !== undefined) d.nodes.get(some)!.body.insert(0, "x");
      }
    });
    if (random(3) === 0) kept.push({ view: doc.value.nodes, json: JSON.stringify(doc.value.nodes) });
    if (random(5) === 0) await settle();
  }
  await settle();
  assert.equal(JSON.stringify(a.value.nodes), JSON.stringify(b.value.nodes));
  const fresh = await toyHome(vault).home.open(Outline, a.id);
  assert.equal(await (await fresh.export("json")).text(), await (await a.export("json")).text());
  for (const { view, json } of kept) assert.equal(JSON.stringify(view), json);
});

test("nodes nested deeper than a view shows stay, and come into sight when they are moved up", async () => {
  const vault = new ToyVault();
  const doc = await toyHome(vault).home.create(Outline);
  const count = MAX_LEVELS + 60;
  const ids = doc.change((d) => {
    const ids: string[] = [];
    for (let i = 0; i < count; i++) ids.push(d.words.add({ value: `${i}` }, i === 0 ? {} : { parent: ids[i - 1]! }));
    return ids;
  });
  const depth = (): number => {
    let n = 0;
    for (let row: readonly Shown[] = doc.value.words; row.length > 0; row = row.at(-1)!.children) n++;
    return n;
  };
  assert.equal(depth(), MAX_LEVELS);
  doc.change((d) => d.words.add({ value: "last" }, { parent: ids.at(-1)! })); // out of sight
  assert.equal(depth(), MAX_LEVELS);
  doc.change((d) => d.words.move(ids[100]!, {}));
  assert.equal(depth(), count + 1 - 100);
  assert.equal(JSON.stringify(doc.value.words).includes('"last"'), true);
  await doc.saved();
  await doc.export("json");
});

test("heads show trees", async () => {
  const vault = new ToyVault();
  const doc = await toyHome(vault).home.create(Outline, { nodes: [{ title: "a", children: [{ title: "b", body: "text" }] }], words: [{ value: "w" }] });
  await doc.saved();
  await settle();
  doc.close();
  await settle();
  const { home } = toyHome(vault);
  const list = home.list(Outline);
  await home.ready;
  await settle();
  const { head } = list.value![0]!;
  assert.equal(short(head.nodes), "a(b)");
  assert.equal(String(head.nodes[0]!.children[0]!.body), "text");
  assert.equal(short(head.words), "w");
});
