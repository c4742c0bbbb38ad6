// The figures as a page.
import { stages } from "./stages.mjs";

const n = (v, digits = 0) => v.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
const median = (all) => [...all].sort((a, b) => a - b)[(all.length - 1) >> 1];

const names = {
  freehold: () => "Freehold",
  yjs: (v) => `yjs ${v.yjs}, y-websocket ${v["y-websocket"]}`,
  automerge: (v) => `automerge ${v["@automerge/automerge"]}, automerge-repo ${v["@automerge/automerge-repo"]}`,
};
/** What holds the key press when the other page sees it. */
const durable = {
  freehold: "yes: flushed to the relay's disk, signed and encrypted",
  yjs: "no: in the memory of the server",
  automerge: "not yet: the server writes its file afterwards",
};

export const report = ({ date, commit, machine, node, load, seconds, options, versions, keys: { measured, clocks, followed }, catchUp }) => {
  const best = Math.min(...measured.map(({ p50 }) => p50));
  const worstClock = Math.max(...clocks.map(({ uncertainty }) => uncertainty));
  return `# What people wait for

\`make bench-sync\` at ${commit}, ${date.slice(0, 16).replace("T", " ")} UTC, ${machine}, Node ${node}; load average ${load.map((l) => n(l, 1)).join(", ")} (before, between, after); ${seconds} s.

## From a key press in one page to the other page that has it

${n(measured[0].keys)} key presses for each, one every ${options.every} ms, at the end of a text; in rounds that take turns. Two Chromiums (${catchUp[0].version}) with profiles of their own, each page with one client of each
library; the server a process on this machine. From before the change until the other page's subscriber is told of a text with it; nothing is painted. The peers' clients store nothing on
their devices, ours does. The clocks of the two pages are compared before each round, to ±${n(worstClock, 1)} ms at worst.

| | p50, ms | p99, ms | least | most | ÷ best p50 | durable when seen |
|---|--:|--:|--:|--:|--:|---|
${measured.map((m) => `| ${names[m.name](versions)} | ${n(m.p50, 1)} | ${n(m.p99, 1)} | ${n(m.least, 1)} | ${n(m.most, 1)} | ${m.p50 === best ? "1" : `${m.name === "freehold" ? "**" : ""}${n(m.p50 / best, 1)}${m.name === "freehold" ? "**" : ""}`} | ${durable[m.name]} |`).join("\n")}

Behind in **bold**. automerge-repo sends what changed at most every 100 ms, on each side; that is its default, and left as it is.

### Where the time goes

Medians of ${n(followed.length)} more key presses, with a worker that notes what it does (which is in the times); they do not add up to the median of the whole.

| stage | ms |
|---|--:|
${stages.map(([, what], i) => `| ${what} | ${n(median(followed.map((f) => f[i])), 2)} |`).join("\n")}
| all of it | ${n(median(followed.map((f) => f.reduce((x, y) => x + y, 0))), 2)} |

## Catching up with ${n(options.envelopes)} envelopes

The first ${n(options.envelopes)} key presses of automerge-paper, each an envelope of its own, none packed, no snapshot: the worst that a writer can leave. A fresh profile with a link that may read,
from \`join\` until the document is complete and shown; the text is compared. Crypto is counted in the page and in the worker, by functions around \`crypto.subtle\`, which is in the time.

| | ms, median of ${options.rounds} | least | most | calls to crypto | most in flight |
|---|--:|--:|--:|--:|--:|
${catchUp.map(({ engine, version, rounds }) => {
    const all = rounds.map((r) => r.milliseconds);
    const most = Math.max(...rounds.map((r) => r.most));
    return `| ${version.startsWith(engine) ? version.replace("/", " ") : `${engine} ${version}`} | ${n(median(all))} | ${n(Math.min(...all))} | ${n(Math.max(...all))} | ${n(rounds[0].calls)} | ${most}${most > 256 ? " (**over 256**)" : ""} |`;
  }).join("\n")}
`;
};
