// Maps, lists and counters.
import * as prng from "lib0/prng";
import { same, sameEntries } from "./replay.mjs";

export const name = "values";
export const title = "Maps, lists and counters";
export const note = `All in one transaction, then the encoded document, and loading it into a fresh process until the content has been read. \`freehold\` opens a stored
document. The counter of \`yjs\` is emulated by a map; \`json-joy\` has none. Libraries that keep no history (\`yjs\`, \`json-joy\`) write only what is left.`;
export const columns = [
  { key: "cpu", label: "CPU ms", ratio: true },
  { key: "wall", label: "wall ms" },
  { key: "bytes", label: "bytes", ratio: true },
  { key: "gzip", label: "gzip", ratio: true },
  { key: "cold", label: "load cold, CPU ms", digits: 1, ratio: true },
];

const MANY = 100_000, FEWER = 20_000;
const range = (n) => Array.from({ length: n }, (_, i) => i);
const places = () => {
  const gen = prng.create(42);
  return range(FEWER).map((i) => prng.uint32(gen, 0, i));
};
const tasks = {
  map: {
    edit: (doc) => { for (let i = 0; i < MANY; i++) doc.set(`key${i}`, i); },
    check: (doc) => sameEntries(doc.map(), Object.fromEntries(range(MANY).map((i) => [`key${i}`, i]))),
    read: (doc) => Object.keys(doc.map()).length,
  },
  key: {
    edit: (doc) => { for (let i = 0; i < MANY; i++) doc.set("key", i); },
    check: (doc) => same(doc.map().key, MANY - 1),
    read: (doc) => doc.map().key,
  },
  push: {
    edit: (doc) => { for (let i = 0; i < MANY; i++) doc.insertItems(i, [i]); },
    check: (doc) => same(doc.list(), range(MANY)),
    read: (doc) => doc.list().length,
  },
  lists: {
    edit: (doc) => { places().forEach((at, i) => doc.insertItems(at, [i])); },
    check: (doc) => {
      const expected = [];
      places().forEach((at, i) => expected.splice(at, 0, i));
      same(doc.list(), expected);
    },
    read: (doc) => doc.list().length,
  },
  counter: {
    edit: (doc) => { for (let i = 0; i < MANY; i++) doc.add(1); },
    check: (doc) => same(doc.counter(), MANY),
    read: (doc) => doc.counter(),
  },
};
export const cases = [
  { id: "map, 100k keys", task: "map", needs: ["map"] },
  { id: "one key, 100k times", task: "key", needs: ["map"] },
  { id: "list, push 100k", task: "push", needs: ["list"] },
  { id: "list, 20k inserts at random", task: "lists", needs: ["list"] },
  { id: "counter, 100k steps", task: "counter", needs: ["counter"] },
];

const write = async (adapter, c, context) => {
  const task = tasks[c.task];
  const doc = await adapter.create();
  const { cpu, wall } = await context.measure(() => doc.transact(() => task.edit(doc)));
  task.check(doc);
  if (adapter.keep !== undefined) {
    await adapter.keep(doc);
    doc.close();
    return { cpu, wall };
  }
  const bytes = doc.encode();
  await context.write("file", bytes);
  return { cpu, wall, bytes: bytes.length, gzip: context.gzip(bytes) };
};
const read = async (adapter, c, context) => {
  const task = tasks[c.task];
  const bytes = adapter.open === undefined ? await context.read("file") : null;
  let doc;
  const { cpu } = await context.measure(async () => {
    doc = bytes === null ? await adapter.open() : adapter.load(bytes);
    task.read(doc);
  });
  task.check(doc);
  doc.close();
  return { cold: cpu };
};
export const stages = [{ name: "write", run: write }, { name: "read", run: read }];
