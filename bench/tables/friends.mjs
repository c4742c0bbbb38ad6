// friendsforever: two people at once. Each transaction is written on its author's replica, which before that is given whatever the author
// had seen; its update is given to the other when the other's next transaction needs it, and to both at the end.
import { replay, same } from "./replay.mjs";

export const name = "friends";
export const title = "Two at once: friendsforever";
export const note = `26,078 transactions, one update each, delivered when causally needed: writing, sending and taking them in one figure. Then the whole
history from one blob, in a process that never loaded one (cold) and the fastest of five more (warm).`;
export const columns = [
  { key: "cpu", label: "live, CPU ms", ratio: true },
  { key: "bytes", label: "bytes of all updates" },
  { key: "blob", label: "blob, bytes", ratio: true },
  { key: "cold", label: "blob cold, CPU ms", digits: 1, ratio: true },
  { key: "warm", label: "blob warm, CPU ms", digits: 1, ratio: true },
];
export const cases = [{ id: "friendsforever", needs: ["text", "updates", "file"] }];

/** For each transaction, which others its author must be given first, in order. */
const deliveries = ({ txns, numAgents }) => {
  const order = []; // of each transaction among those of its author
  const own = Array.from({ length: numAgents }, () => []);
  const history = []; // how many of each author's transactions are in a transaction's history, itself included
  const seen = Array.from({ length: numAgents }, () => new Array(numAgents).fill(0));
  return txns.map(({ parents, agent }, i) => {
    const needs = new Array(numAgents).fill(0);
    for (const p of parents) history[p].forEach((n, a) => { needs[a] = Math.max(needs[a], n); });
    if (needs[agent] !== own[agent].length) throw new Error(`transaction ${i} does not follow its author's last one`);
    const missing = needs.flatMap((n, a) => (a === agent ? [] : own[a].slice(seen[agent][a], n))).sort((a, b) => a - b);
    needs.forEach((n, a) => { seen[agent][a] = n; });
    order[i] = own[agent].push(i);
    history[i] = needs.map((n, a) => (a === agent ? order[i] : n));
    return missing;
  });
};

const live = async (adapter, c, context) => {
  const trace = await context.trace("friendsforever");
  const first = deliveries(trace);
  const replicas = Array.from({ length: trace.numAgents }, () => adapter.create({ updates: true }));
  const updates = [];
  const given = replicas.map(() => new Set());
  const give = (agent, i) => {
    replicas[agent].apply(updates[i], replicas[trace.txns[i].agent]);
    given[agent].add(i);
  };
  const { cpu, wall } = await context.measure(() => {
    trace.txns.forEach(({ agent, patches }, i) => {
      for (const j of first[i]) give(agent, j);
      const doc = replicas[agent];
      doc.transact(() => { for (const patch of patches) replay(doc, patch); });
      updates[i] = doc.drain();
    });
    trace.txns.forEach((t, i) => {
      for (let a = 0; a < replicas.length; a++) if (a !== t.agent && !given[a].has(i)) give(a, i);
    });
  });
  for (const doc of replicas) same(doc.text(), trace.endContent);
  const blob = replicas[0].encode();
  await context.write("blob", blob);
  return { cpu, wall, bytes: updates.reduce((sum, u) => sum + u.length, 0), blob: blob.length };
};

const read = async (adapter, c, context) => {
  const { endContent } = await context.trace("friendsforever");
  const blob = await context.read("blob");
  const open = () => {
    const doc = adapter.load(blob);
    same(doc.text(), endContent);
    doc.close();
  };
  const cold = await context.measure(open);
  let warm = Infinity;
  for (let i = 0; i < 5; i++) warm = Math.min(warm, (await context.measure(open)).cpu);
  return { cold: cold.cpu, warm };
};
export const stages = [{ name: "live", run: live }, { name: "read", run: read }];
