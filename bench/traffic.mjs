// What sync costs: bytes on the wire and on the relay's disk for a whole paper typed live, a fresh device that fetches a
// hundred documents, and a device that comes back with a thousand. The package in Node, the relay as a process of its
// own, and between them a pipe that counts.
//
//   node --experimental-websocket bench/traffic.mjs [--only typing,pacing,fetching,returning] [--keys N] [--paced N] [--documents N] [--open N] [--folder DIR] [--write]
//
// With --write, what is measured takes its place on the page of the day; the rest of that page stays.

import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer, connect } from "node:net";
import { cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { gunzipSync } from "node:zlib";
import { defineDoc, freehold, s } from "../js/dist/node.js";

const path = (relative) => fileURLToPath(new URL(relative, import.meta.url));
const { values: options } = parseArgs({ options: {
  only: { type: "string", default: "typing,pacing,fetching,returning" },
  keys: { type: "string", default: "259778" },
  paced: { type: "string", default: "1200" },
  documents: { type: "string", default: "100" },
  open: { type: "string", default: "1000" },
  folder: { type: "string", default: tmpdir() },
  write: { type: "boolean", default: false },
} });

// Node 20 has WebSocket behind a flag only, and the package would take plain requests, which nobody types a paper over.
if (typeof WebSocket === "undefined") throw new Error("call it with node --experimental-websocket, or Node 22");

const Paper = defineDoc("paper", { version: 1, shape: { body: s.text() } });
const trace = JSON.parse(gunzipSync(readFileSync(path("traces/automerge-paper.json.gz"))));
const folder = mkdtempSync(join(options.folder, "freehold-traffic-"));
const running = [];

/** Starts the relay and gives its port. Nobody types as quickly as this program, so the relay's limit for that is off. */
const startRelay = async (data) => {
  const relay = spawn(path("../build/freehold"), ["serve", "--listen", "127.0.0.1:0", "--data", data, "--log", "json", "--append-burst", "0"], { stdio: ["ignore", "pipe", "ignore"] });
  running.push(relay);
  return new Promise((resolve, reject) => {
    relay.once("exit", () => reject(new Error("the relay did not start")));
    relay.stdout.once("data", (greeting) => resolve(Number(/localhost:(\d+)/.exec(greeting)[1])));
  });
};

/** A pipe to the relay that counts what goes up and comes down: everything above TCP. */
const startPipe = async (port) => {
  const count = { up: 0, down: 0, connections: 0 };
  const server = createServer((device) => {
    count.connections++;
    const relay = connect(port, "127.0.0.1");
    device.setNoDelay(true);
    relay.setNoDelay(true);
    device.on("data", (b) => { count.up += b.length; relay.write(b); });
    relay.on("data", (b) => { count.down += b.length; device.write(b); });
    for (const [one, other] of [[device, relay], [relay, device]]) {
      one.on("close", () => other.destroy());
      one.on("error", () => other.destroy());
    }
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { count, url: `http://127.0.0.1:${server.address().port}`, close: () => server.close() };
};

/** Length of all files of a folder, and what they take of the disk. */
const disk = (dir) => {
  let bytes = 0;
  let taken = 0;
  for (const f of readdirSync(dir, { recursive: true, withFileTypes: true })) {
    if (!f.isFile()) continue;
    const { size, blocks } = statSync(join(f.parentPath, f.name));
    bytes += size;
    taken += blocks * 512;
  }
  return { bytes, taken };
};

/** Resolves when a store says what is awaited. */
const until = (store, good) => new Promise((resolve) => {
  let stop = () => {};
  stop = store.subscribe((v) => {
    if (!good(v)) return;
    resolve();
    setImmediate(() => stop());
  });
});

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** How many key presses may be on their way, each an append of its own, as when somebody types: of more the device sends some together. */
const ahead = 4;

const press = (doc, { patches }) => doc.change((d) => {
  for (const [at, n, text] of patches) {
    if (n > 0) d.body.delete(at, n);
    if (text !== "") d.body.insert(at, text);
  }
});

/** Types the paper: each key press is on the device before the next one. */
const typing = async () => {
  const data = join(folder, "typing");
  const pipe = await startPipe(await startRelay(data));
  const home = freehold({ name: "typist", relay: pipe.url, directory: join(folder, "typist") });
  const doc = await home.create(Paper);
  await doc.saved("relay");
  const before = { ...pipe.count };
  const empty = disk(data);
  const keys = trace.txns.slice(0, Number(options.keys));
  const started = performance.now();
  let most = 0;
  for (const [i, key] of keys.entries()) {
    press(doc, key);
    await doc.saved(i % ahead === ahead - 1 ? "relay" : "device");
    if (i % 10_000 === 9_999) {
      most = Math.max(most, disk(data).bytes);
      console.error(`${i + 1} keys, ${Math.round((performance.now() - started) / 1000)} s, up ${pipe.count.up}, disk ${disk(data).bytes}`);
    }
  }
  const seconds = (performance.now() - started) / 1000;
  await pause(5_000); // the last run is packed after two seconds without an edit
  const whole = keys.length === trace.txns.length;
  if (whole && `${doc.value.body}` !== trace.endContent) throw new Error("the text is not the paper");
  const up = pipe.count.up - before.up;
  const down = pipe.count.down - before.down;
  const link = `${await doc.link("read")}`;
  await home.close();
  const kept = disk(data);
  most = Math.max(most, kept.bytes);

  // A fresh device fetches it.
  const at = { ...pipe.count };
  const reader = freehold({ name: "reader", relay: pipe.url, directory: join(folder, "reader") });
  const from = performance.now();
  const copy = await reader.join(Paper, link);
  await until(copy.status, (v) => v.content === "complete");
  const fetched = { milliseconds: performance.now() - from, bytes: pipe.count.down - at.down };
  if (`${copy.value.body}` !== (whole ? trace.endContent : `${doc.value.body}`)) throw new Error("the reader has another text");
  await reader.close();
  pipe.close();
  return { keys: keys.length, seconds, up, down, disk: kept.bytes - empty.bytes, taken: kept.taken - empty.taken, most, fetched };
};

/** Milliseconds between two key presses, and every so many presses, of a stop to think. */
const rhythm = { between: 125, stopEvery: 60, stop: 3_000 };

/** Types the beginning of the paper as somebody would who thinks now and then: packs and snapshots come as they do then. */
const pacing = async () => {
  const data = join(folder, "pacing");
  const pipe = await startPipe(await startRelay(data));
  const home = freehold({ name: "writer", relay: pipe.url, directory: join(folder, "writer") });
  const doc = await home.create(Paper);
  await doc.saved("relay");
  await pause(5_000);
  const before = { ...pipe.count };
  const empty = disk(data).bytes;
  const keys = trace.txns.slice(0, Number(options.paced));
  const started = performance.now();
  for (const [i, key] of keys.entries()) {
    press(doc, key);
    await pause(i % rhythm.stopEvery === rhythm.stopEvery - 1 ? rhythm.stop : rhythm.between);
  }
  const seconds = (performance.now() - started) / 1000;
  await doc.saved("relay");
  await pause(5_000);
  const out = { keys: keys.length, seconds, up: pipe.count.up - before.up, down: pipe.count.down - before.down, disk: disk(data).bytes - empty };
  await home.close();
  pipe.close();
  return out;
};

/** A device that has nothing but links fetches documents of a few kilobytes. */
const fetching = async () => {
  const count = Number(options.documents);
  const data = join(folder, "hundred");
  const pipe = await startPipe(await startRelay(data));
  const home = freehold({ name: "author", relay: pipe.url, directory: join(folder, "author") });
  const links = [];
  const length = 2_000;
  for (let i = 0; i < count; i++) {
    const doc = await home.create(Paper);
    const from = (i * 911) % (trace.endContent.length - length);
    doc.change((d) => d.body.insert(0, trace.endContent.slice(from, from + length)));
    await doc.saved("relay");
    links.push([`${await doc.link("read")}`, from]);
    doc.close();
  }
  await home.close();
  const before = { ...pipe.count };
  const reader = freehold({ name: "fresh", relay: pipe.url, directory: join(folder, "fresh") });
  const started = performance.now();
  await Promise.all(links.map(async ([link, from]) => {
    const doc = await reader.join(Paper, link);
    await until(doc.status, (v) => v.content === "complete");
    if (`${doc.value.body}` !== trace.endContent.slice(from, from + length)) throw new Error("another text");
  }));
  const milliseconds = performance.now() - started;
  const out = { documents: count, length, milliseconds, up: pipe.count.up - before.up, down: pipe.count.down - before.down, connections: pipe.count.connections - before.connections };
  await reader.close();
  pipe.close();
  return out;
};

/**
 * A device with many documents, none of which changed, comes back after a pause: with one of them open, with all, and with one of a home that
 * is shared, where the closed ones are asked about, too.
 */
const returning = async () => {
  const count = Number(options.open);
  const pipe = await startPipe(await startRelay(join(folder, "thousand")));
  const home = freehold({ name: "returner", relay: pipe.url, directory: join(folder, "open") });
  const ids = [];
  for (let i = 0; i < count; i++) {
    const doc = await home.create(Paper);
    doc.change((d) => d.body.insert(0, `document ${i}`));
    await doc.saved("relay");
    ids.push(doc.id);
    doc.close();
  }
  /** Until nothing went over the wire for three seconds. */
  const quiet = async () => {
    for (let before = -1; before !== pipe.count.up + pipe.count.down; await pause(3_000)) before = pipe.count.up + pipe.count.down;
  };
  const comeBack = async (docs, isShared = false) => {
    const all = (state) => Promise.all(docs.map((doc) => until(doc.status, (v) => v.relay === state)));
    await all("live");
    await pause(2_000); // what is said of presence, here and below
    home.pause();
    await all("offline");
    await pause(1_000);
    const before = { ...pipe.count };
    const started = performance.now();
    home.resume();
    await all("live");
    const milliseconds = performance.now() - started;
    const hello = { up: pipe.count.up - before.up, down: pipe.count.down - before.down };
    await pause(2_000);
    return { open: docs.length, isShared, milliseconds, hello, after: { up: pipe.count.up - before.up - hello.up, down: pipe.count.down - before.down - hello.down } };
  };
  const docs = [await home.open(Paper, ids[0])];
  const rows = [await comeBack(docs)];
  for (const id of ids.slice(1)) docs.push(await home.open(Paper, id));
  rows.push(await comeBack(docs));
  for (const doc of docs.splice(1)) doc.close();
  await home.addDevice();
  await quiet();
  rows.push(await comeBack(docs, true));
  await home.close();
  pipe.close();
  return { documents: count, rows };
};

const n = (v) => Math.round(v).toLocaleString("en");
const when = ({ commit, load, folder: place, at }) =>
  `Measured at ${commit}, ${at.slice(0, 16).replace("T", " ")} UTC, load average ${load.map((l) => l.toFixed(1)).join(" to ")}, files ${place === "/dev/shm" ? "in memory, so times have no disk in them" : "on disk"}.`;

const rowOf = ({ keys }) => (what, bytes) => `| ${what} | ${n(bytes)} | ${(bytes / keys).toFixed(1)} |`;

const sections = {
  typing: (typed) => {
    const row = rowOf(typed);
    return `## automerge-paper typed live

${n(typed.keys)} key presses, ${n(typed.keys / typed.seconds)} a second: each an envelope and an append of its own, on the device before the next and on the relay within ${ahead}. Without pauses, so a pack stands for every 256,
and snapshots are there as the package makes them. Rows are for all of it: envelopes, frames, packs, snapshots, presence, acknowledgements.

| | bytes | for each key press |
|---|--:|--:|
${row("device to relay", typed.up)}
${row("relay to device", typed.down)}
${row("relay's files at the end", typed.disk)}
${row("relay's files, largest seen", typed.most)}
${row("a fresh device fetches it", typed.fetched.bytes)}

Typing took ${n(typed.seconds)} s; the fresh device had it shown and stored after ${n(typed.fetched.milliseconds)} ms. What the relay's files have beyond what a device fetches is what packs took the place of, and
the log had not yet rewritten.`;
  },
  pacing: (paced) => {
    const row = rowOf(paced);
    return `## The same at the pace of a person

${n(paced.keys)} key presses in ${n(paced.seconds)} s: ${n(1000 / rhythm.between)} a second, and a stop of ${n(rhythm.stop / 1000)} s behind each ${rhythm.stopEvery}, in which what was typed is packed.

| | bytes | for each key press |
|---|--:|--:|
${row("device to relay", paced.up)}
${row("relay to device", paced.down)}
${row("relay's files at the end", paced.disk)}`;
  },
  fetching: (f) => `## A fresh device fetches ${f.documents} documents

Of ${n(f.length)} characters each, at once, over ${f.connections} connection${f.connections === 1 ? "" : "s"}: ${n(f.milliseconds)} ms until all are complete, shown and stored; ${n(f.down)} bytes down, ${n(f.up)} up.`,
  returning: (r) => `## A device comes back with ${n(r.documents)} documents

None changed meanwhile. What follows is what is said in the two seconds after all are live: presence, of which a relay refuses what is more than 120 words at once, and of a shared home the question which of all its documents changed. The list of such a home
is one document more, which is open.

| open | closed ones asked about | ms until live | up | down | what follows, up | down |
|--:|--:|--:|--:|--:|--:|--:|
${r.rows.map((row) => `| ${n(row.open)} | ${row.isShared ? n(r.documents - row.open) : 0} | ${n(row.milliseconds)} | ${n(row.hello.up)} | ${n(row.hello.down)} | ${n(row.after.up)} | ${n(row.after.down)} |`).join("\n")}`,
};

try {
  const commit = execFileSync("git", ["rev-parse", "--short", "HEAD"], { cwd: path("."), encoding: "utf8" }).trim();
  const at = new Date().toISOString();
  const name = path(`results/${at.slice(0, 10)}-traffic`);
  const measured = existsSync(`${name}.json`) && options.write ? JSON.parse(readFileSync(`${name}.json`, "utf8")) : {};
  for (const part of options.only.split(",")) {
    const before = loadavg()[0];
    const figures = await { typing, pacing, fetching, returning }[part]();
    measured[part] = { ...figures, commit, at, folder: options.folder, load: [before, loadavg()[0]] };
  }
  const report = `# What sync costs

\`node --experimental-websocket bench/traffic.mjs\`, ${cpus().length} × ${cpus()[0].model}, Node ${process.version}. Relay, device and pipe on this machine. Bytes on the wire are everything above TCP, WebSocket's own included.

${Object.keys(sections).filter((part) => part in measured).map((part) => `${sections[part](measured[part])}\n\n${when(measured[part])}`).join("\n\n")}
`;
  console.log(report);
  if (options.write) {
    writeFileSync(`${name}.md`, report);
    writeFileSync(`${name}.json`, `${JSON.stringify(measured, null, 1)}\n`);
  }
} finally {
  for (const relay of running) {
    relay.removeAllListeners("exit");
    relay.kill("SIGKILL");
  }
  rmSync(folder, { recursive: true, force: true });
}
