// A whole editing trace through each library.
import { replay, same } from "./replay.mjs";

export const name = "typing";
export const title = "Typing a whole trace";
export const note = `One transaction for all, or one for each edit; *subscribed*: somebody is told of each transaction. \`freehold\` makes a frozen view
after each transaction; what it takes until everything is stored as well is in the last column.`;
export const columns = [
  { key: "cpu", label: "CPU ms", ratio: true },
  { key: "wall", label: "wall ms" },
  { key: "process", label: "CPU ms, all threads", ratio: true },
  { key: "stored", label: "CPU ms until stored" },
  { key: "rss", label: "RSS grew, MB", digits: 1 },
];
export const cases = ["automerge-paper", "sveltecomponent"].flatMap((trace) => [
  { id: `${trace}, one transaction`, trace, needs: ["text"] },
  { id: `${trace}, one for each edit`, trace, each: true, needs: ["text"], chromium: true },
  { id: `${trace}, one for each edit, subscribed`, trace, each: true, subscribe: true, needs: ["text"], without: ["core", "diamond"] },
]);

const type = async (adapter, c, context) => {
  const trace = await context.trace(c.trace);
  const edits = trace.txns.flatMap((t) => t.patches);
  const doc = await adapter.create({ subscribe: c.subscribe });
  const before = await context.memory();
  const { result, ...metrics } = await context.measure(() => {
    if (c.each) for (const edit of edits) doc.transact(() => replay(doc, edit));
    else doc.transact(() => { for (const edit of edits) replay(doc, edit); });
  });
  metrics.rss = (await context.memory()).rss - before.rss;
  if (doc.saved !== undefined) metrics.stored = metrics.process + (await context.measure(() => doc.saved())).process;
  same(doc.text(), trace.endContent);
  if (c.subscribe && doc.events < edits.length) throw new Error(`told of ${doc.events} of ${edits.length} edits`);
  doc.close();
  return metrics;
};
export const stages = [{ name: "type", run: type }];
