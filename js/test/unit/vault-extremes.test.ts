// A relay whose frames have the shape of the protocol and numbers that mean nothing: none may end the machine, or an edit.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { test } from "node:test";
import { nodeEnv } from "../../src/vault/nodeenv.ts";
import { decodeRow, type Cell } from "../../src/wire/row.ts";
import { webSocketWire, type Socket } from "../../src/wire/socket.ts";
import { decodeFrame, encodeFrame, limits, type Frame } from "../../src/wire/wire.ts";
import { startRelay } from "../e2e/relayprocess.ts";
import { directoryOf, start } from "./vault-harness.ts";

const { WebSocket } = createRequire(import.meta.url)("ws") as { readonly WebSocket: new (url: string, protocol: string) => Socket };

/** Integers in MessagePack's own forms, also those that no frame has. */
const EXTREMES: ReadonlyArray<readonly [string, readonly number[]]> = [
  ["0", [0x00]],
  ["2^8 - 1", [0xcc, 255]],
  ["2^16 - 1", [0xcd, 255, 255]],
  ["2^32 - 1", [0xce, 255, 255, 255, 255]],
  ["2^32", [0xcf, 0, 0, 0, 1, 0, 0, 0, 0]],
  ["2^53 - 1", [0xcf, 0, 0x1f, 255, 255, 255, 255, 255, 255]],
  ["2^53", [0xcf, 0, 0x20, 0, 0, 0, 0, 0, 0]],
  ["2^64 - 1", [0xcf, 255, 255, 255, 255, 255, 255, 255, 255]],
  ["-1", [0xff]],
  ["-2^63", [0xd3, 0x80, 0, 0, 0, 0, 0, 0, 0]],
];

/** Where the numbers of a frame are, but for its type. */
const numbersIn = (row: readonly Cell[], path: readonly number[] = []): (readonly number[])[] => row.flatMap((cell, i) => {
  const at = [...path, i];
  if (Array.isArray(cell)) return numbersIn(cell as readonly Cell[], at);
  return typeof cell === "number" && at.join() !== "0" ? [at] : [];
});

/** The bytes of a frame with others in the place of one number. */
const replaced = (frame: Frame, path: readonly number[], by: readonly number[]): Uint8Array<ArrayBuffer> => {
  const marker = 0x1_2345_6789;
  const row = JSON.parse(JSON.stringify(decodeRow(encodeFrame(frame), limits.run, 512), (_key, v: unknown) => (v instanceof Uint8Array ? { bytes: [...v] } : v))) as unknown[];
  let at = row;
  for (const i of path.slice(0, -1)) at = at[i] as unknown[];
  at[path.at(-1)!] = marker;
  const write = (v: unknown): number[] => {
    if (v === marker) return [...by];
    if (Array.isArray(v)) return [0x90 | v.length, ...v.flatMap(write)];
    if (v === null) return [0xc0];
    if (typeof v === "boolean") return [v ? 0xc3 : 0xc2];
    if (typeof v === "number") return [0xce, v >>> 24, (v >> 16) & 255, (v >> 8) & 255, v & 255];
    if (typeof v === "string") return [0xd9, v.length, ...Buffer.from(v)];
    const { bytes } = v as { readonly bytes: readonly number[] };
    return [0xc5, bytes.length >> 8, bytes.length & 255, ...bytes];
  };
  return Uint8Array.from(write(row));
};

test("no number of a frame ends the machine or refuses an edit", { timeout: 120_000 }, async (t) => {
  const relay = await startRelay();
  t.after(() => relay.end());
  const a = await start(t, await directoryOf(), [relay.url]);
  const mine = await a.edit({ op: "create", type: "note" });
  await mine.type(0, "hello");
  await a.until("it is on the relay", () => mine.status.relay === 5);
  const { link } = await a.request({ op: "link", doc: mine.doc, rights: "owner" });

  const path = await directoryOf();
  /** What came over the newest connection, or is said to have. */
  let deliver: (data: ArrayBuffer) => void = () => undefined;
  const heard = new Map<Frame["type"], Frame>();
  let lastReq = 0;
  const b = await start(t, path, [relay.url], { ...nodeEnv(path), openWire: webSocketWire((url, protocol) => {
    const inner = new WebSocket(url, protocol);
    const socket: Socket = {
      binaryType: "", onopen: null, onmessage: null, onclose: null, onerror: null,
      send: (data) => {
        const frame = typeof data === "string" ? null : decodeFrame(data);
        if (frame?.type === "append") lastReq = frame.req;
        inner.send(data);
      },
      close: () => inner.close(),
    };
    inner.binaryType = "arraybuffer";
    inner.onmessage = ({ data }) => {
      const frame = data instanceof ArrayBuffer ? decodeFrame(new Uint8Array(data)) : null;
      if (frame !== null && (frame.type !== "batch" || frame.entries.length > 0)) heard.set(frame.type, frame);
      socket.onmessage?.({ data });
    };
    inner.onclose = () => socket.onclose?.({} as never);
    inner.onerror = () => undefined;
    deliver = (data) => socket.onmessage?.({ data });
    return socket;
  }) });
  const theirs = await b.edit({ op: "join", link, type: "note" });
  await b.until("it is here", () => theirs.value === "hello" && theirs.session !== "");
  await theirs.type(0, "x");
  await b.until("one is acknowledged", () => heard.has("ack"));

  const { doc } = mine;
  const batch = heard.get("batch");
  assert.ok(batch?.type === "batch");
  const entry = batch.entries[0]!;
  const error = { type: "error", doc, message: "", hint: "" } as const;
  /** Made anew each time: some name what the vault said last. */
  const frames: Readonly<Record<string, () => Frame>> = {
    welcome: () => heard.get("welcome")!,
    batch: () => ({ ...batch, entries: [{ ...entry, covers: 1 }] }),
    ack: () => ({ type: "ack", doc, req: lastReq, session: theirs.session, seq: 1, cursor: 2 }),
    busy: () => ({ ...error, req: 1, code: "busy", retryAfter: 1, seq: 1 }),
    gap: () => ({ ...error, req: lastReq, code: "gap", retryAfter: 1, seq: 1 }),
    stale: () => ({ ...error, req: lastReq, code: "stale", retryAfter: 1, seq: 1 }),
    "about nothing": () => ({ ...error, doc: null, req: 1, code: "bad-frame", retryAfter: 1, seq: 1 }),
    done: () => ({ type: "done", doc, req: 1 }),
    changed: () => ({ type: "changed", doc, req: 1, parts: 1, heads: [{ doc, cursor: 1 }] }),
    presence: () => ({ type: "presence", doc, req: 1, cert: entry.cert, envelope: entry.envelope }),
  };

  let typed = theirs.value;
  let cases = 0;
  const say = async (what: string, bytes: Uint8Array<ArrayBuffer>): Promise<void> => {
    cases++;
    await b.reconnect();
    await b.until(`${what}: it is connected again`, () => theirs.status.relayState === "live");
    // One edit is on its way when the relay says it, and one comes after.
    await theirs.type(0, "-");
    deliver(bytes.buffer);
    await theirs.type(0, "+");
    typed = `+-${typed}`;
    assert.equal(theirs.value, typed, what);
    assert.deepEqual(b.ended, [], what);
    assert.deepEqual(b.problems.filter((p) => p.code === "core-restarted"), [], what);
  };
  for (const [name, make] of Object.entries(frames)) {
    const fields = numbersIn(decodeRow(encodeFrame(make()), limits.run, 512) as readonly Cell[]);
    assert.ok(fields.length > 0, name);
    for (const field of fields) for (const [value, bytes] of EXTREMES) await say(`${name}[${field.join("][")}] = ${value}`, replaced(make(), field, bytes));
  }
  // The numbers of a header, which no decoder of frames looks into: kind, seq and size.
  for (const [at, size] of [[1, 1], [4, 4], [8, 4]] as const) for (const byte of [0, 0x7f, 255]) {
    const envelope = entry.envelope.slice();
    envelope.fill(byte, at, at + size);
    await say(`header[${at}] = ${byte}`, encodeFrame({ ...batch, entries: [{ ...entry, envelope }] }));
  }
  assert.ok(cases > 200, `${cases} frames were said`);
});
