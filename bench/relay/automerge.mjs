// What automerge-repo-sync-server is sent and sends on, by its own library: node automerge.mjs ADDRESS rooms ROOMS MEMBERS WINDOW
// or ADDRESS fetch FILE TIMES. It says "ready", waits for a line with milliseconds, and prints what it measured as JSON.
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { next as Automerge } from "@automerge/automerge";
import { Repo } from "@automerge/automerge-repo";
import { BrowserWebSocketClientAdapter } from "@automerge/automerge-repo-network-websocket";

const [address, what, ...rest] = process.argv.slice(2);

const connect = () => new Repo({ network: [new BrowserWebSocketClientAdapter(`ws://${address}`)] });

const gone = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** The document as a new client has it. Who asks before the server has it is told so and not told again: another client asks. */
async function find(url) {
  for (;; await gone(500)) {
    const handle = connect().find(url);
    if (await Promise.race([handle.doc(["ready", "unavailable"]), gone(20_000)])) return handle;
  }
}

/** A room with its members, of whom the first writes: nobody is further ahead of the slowest than a window. */
async function gather(members, window) {
  const writer = connect().create({ text: "" });
  const sent = [];
  const had = new Array(members).fill(0);
  const latency = [];
  let measured = false;
  let until = 0;
  let over = () => {};
  const writes = () => {
    const slowest = Math.min(...had.slice(1));
    while (sent.length - slowest < window && performance.now() < until) {
      sent.push(performance.now());
      writer.change((doc) => Automerge.splice(doc, ["text"], doc.text.length, 0, "a"));
    }
    if (performance.now() >= until && slowest === sent.length) over();
  };
  const join = async (member) => {
    const handle = await find(writer.url);
    handle.on("change", ({ doc }) => {
      for (const now = performance.now(); had[member] < doc.text.length; had[member]++) if (measured) latency.push(now - sent[had[member]]);
      if (measured) queueMicrotask(writes);
    });
  };
  await join(1); // now the server has it
  await Promise.all(Array.from({ length: members - 2 }, (_, n) => join(n + 2)));
  return {
    latency,
    run: (ms) => new Promise((resolve) => {
      [measured, until, over] = [true, performance.now() + ms, resolve];
      writes();
      setTimeout(writes, ms);
    }),
  };
}

async function rooms(count, members, window) {
  const all = await Promise.all(Array.from({ length: count }, () => gather(members, window)));
  const ms = await go();
  const began = performance.now();
  await Promise.all(all.map((room) => room.run(ms)));
  const took = (performance.now() - began) / 1000;
  const latency = all.flatMap((room) => room.latency).sort((a, b) => a - b);
  return { rate: latency.length / took, deliveries: latency.length, p50: latency[latency.length >> 1], p99: latency[Math.floor(latency.length * 0.99)] };
}

async function fetches(file, times) {
  const bytes = readFileSync(file);
  const { url } = connect().import(bytes);
  await find(url);
  await go();
  const all = [];
  for (let n = 0; n < times; n++) {
    const began = performance.now();
    await find(url);
    all.push(performance.now() - began);
  }
  all.sort((a, b) => a - b);
  return { median: all[times >> 1], bytes: bytes.length };
}

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

async function go() {
  console.log("ready");
  return Number((await lines.next()).value);
}

console.log(JSON.stringify(what === "rooms" ? await rooms(...rest.map(Number)) : await fetches(rest[0], Number(rest[1]))));
process.exit(0);
