// From bytes to a text that can be read, and to one that can be edited: some libraries put the work off until the first edit.
import { replay, same } from "./replay.mjs";

export const name = "load";
export const title = "Loading automerge-paper";
export const note = `*Readable*: from bytes to the string. *Editable*: and one character typed. The library is started before (its own time is the first
column: importing and instantiating, compiling included) but has not loaded anything; *warm* is the fastest of five more. \`freehold\` opens a stored
document by its public API, decryption and storage included. Memory: what it grew by with the document open and edited, after a collection.`;
export const columns = [
  { key: "start", label: "start, CPU ms" },
  { key: "readable", label: "readable, CPU ms", digits: 1, ratio: true },
  { key: "editable", label: "editable, CPU ms", digits: 1, ratio: true },
  { key: "wall", label: "editable, wall ms", digits: 1 },
  { key: "warm", label: "editable warm, CPU ms", digits: 1, ratio: true },
  { key: "rss", label: "RSS grew, MB", digits: 1, ratio: true },
  { key: "heap", label: "JS heap grew, MB", digits: 1 },
  { key: "linear", label: "linear memory grew, MB", digits: 1 },
  { key: "linearAll", label: "linear memory, MB", digits: 1 },
];

/** A form is a case of its own, for the libraries that have it. */
export const cases = [
  { id: "as usually kept", as: "usual", needs: ["text"], chromium: true },
  { id: "another form (yjs without collector, loro update)", as: "other", needs: ["text", "file"] },
  { id: "shallow", as: "shallow", needs: ["text", "file"] },
];

const write = async (adapter, c, context) => {
  const form = adapter.forms?.find((f) => f.as === c.as);
  if (form === undefined && adapter.keep === undefined) return { absent: true };
  const { txns, endContent } = await context.trace("automerge-paper");
  // The reader is to hold nothing but the document.
  await context.write("text", new TextEncoder().encode(endContent));
  const doc = await adapter.create(form?.options);
  doc.transact(() => { for (const t of txns) for (const patch of t.patches) replay(doc, patch); });
  if (adapter.keep !== undefined) await adapter.keep(doc);
  else await context.write("file", doc.encode(form));
  doc.close();
  return {};
};

const read = async (adapter, c, context) => {
  const endContent = new TextDecoder().decode(await context.read("text"));
  const bytes = adapter.open === undefined ? await context.read("file") : null;
  const open = () => (bytes === null ? adapter.open() : adapter.load(bytes));
  const type = (doc) => doc.transact(() => doc.insert(1000, "x"));
  const expected = `${endContent.slice(0, 1000)}x${endContent.slice(1000)}`;

  const before = await context.memory();
  let doc;
  const readable = await context.measure(async () => {
    doc = await open();
    same(doc.text(), endContent);
  });
  const edit = await context.measure(() => type(doc));
  const after = await context.memory();
  same(doc.text(), expected);
  const metrics = {
    start: context.started.cpu, readable: readable.cpu, editable: readable.cpu + edit.cpu, wall: readable.wall + edit.wall,
    rss: after.rss - before.rss, heap: after.heap - before.heap, linear: after.linear - before.linear, linearAll: after.linear,
  };
  // What is stored is opened once, and left as it was for the next round.
  if (bytes === null) {
    doc.transact(() => doc.remove(1000, 1));
    await doc.saved();
    doc.close();
    return metrics;
  }
  doc.close();
  metrics.warm = Infinity;
  for (let i = 0; i < 5; i++) {
    const again = await context.measure(() => {
      doc = open();
      same(doc.text(), endContent);
      type(doc);
    });
    same(doc.text(), expected);
    doc.close();
    metrics.warm = Math.min(metrics.warm, again.cpu);
  }
  return metrics;
};
export const stages = [{ name: "write", run: write, once: true }, { name: "read", run: read }];
