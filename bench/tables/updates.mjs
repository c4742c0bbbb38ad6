// One update for each edit: what is sent, and what it costs to make and to take.
import { replay, same } from "./replay.mjs";

export const name = "updates";
export const title = "One update for each edit";
export const note = `The first 50,000 edits of automerge-paper. An update of \`freehold core\` does not name its session: what carries it does, once for all
it carries (16 bytes). *Batched* is what a library has for many updates at once; \`freehold core\` and \`diamond-types\` have nothing and take them one by one.`;
export const columns = [
  { key: "bytes", label: "bytes per update", digits: 1, ratio: true },
  { key: "emit", label: "type and emit, CPU ms", ratio: true },
  { key: "receive", label: "receive one by one, CPU ms", ratio: true },
  { key: "batched", label: "receive batched, CPU ms", ratio: true },
];
export const cases = [{ id: "50,000 edits", edits: 50_000, needs: ["text", "updates"] }];

const run = async (adapter, c, context) => {
  const { txns } = await context.trace("automerge-paper");
  const edits = txns.flatMap((t) => t.patches).slice(0, c.edits);
  const writer = adapter.create({ updates: true });
  const updates = [];
  const emit = await context.measure(() => {
    for (const edit of edits) {
      writer.transact(() => replay(writer, edit));
      updates.push(writer.drain());
    }
  });
  const text = writer.text();
  const reader = adapter.create();
  const receive = await context.measure(() => { for (const u of updates) reader.apply(u, writer); });
  same(reader.text(), text);
  const late = adapter.create();
  const senders = updates.map(() => writer);
  const batched = await context.measure(() => late.applyAll(updates, senders));
  same(late.text(), text);
  return { bytes: updates.reduce((sum, u) => sum + u.length, 0) / updates.length, emit: emit.cpu, receive: receive.cpu, batched: batched.cpu };
};
export const stages = [{ name: "run", run }];
