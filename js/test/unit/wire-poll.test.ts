// A relay over plain HTTP, with a fetch that answers in the next turn.

import assert from "node:assert/strict";
import { test } from "node:test";
import { pollWire } from "../../src/wire/poll.ts";
import { encodeFrame, type RelayFrame } from "../../src/wire/wire.ts";

const A = "a".repeat(32);
const STORE = "A".repeat(22);
const turns = async (n: number): Promise<void> => { for (let i = 0; i < n; i++) await new Promise(setImmediate); };

test("no more of a document is asked for than a window beyond what was taken", async () => {
  const size = 256 << 10;
  const told: RelayFrame[] = [];
  let cursor = 0;
  const answer = (url: URL): Response => {
    if (url.pathname === "/healthz" || url.pathname.endsWith("/genesis")) return new Response(new Uint8Array(113));
    if (url.pathname.endsWith("/successor")) return new Response(null, { status: 404 });
    cursor++;
    const batch = encodeFrame({ type: "batch", doc: A, entries: [{ cursor, envelope: new Uint8Array(size), cert: null, covers: 0 }], upTo: cursor, more: true });
    return new Response(batch, { headers: { "freehold-store": STORE, "freehold-head": "1000" } });
  };
  const wire = await new Promise<ReturnType<ReturnType<typeof pollWire>>>((resolve) => {
    const opening = pollWire(async (url) => {
      await turns(1);
      return answer(url as URL);
    })("https://relay.example", { opened: () => resolve(opening), frame: (f) => void told.push(f), closed: () => assert.fail("closed") });
  });
  wire.hello({ type: "hello", doc: A, genesis: null, since: 0, store: null }, { prove: async () => new Uint8Array(64), token: async () => "" });
  const batches = (): number => told.filter((f) => f.type === "batch").length;
  await turns(200);
  assert.equal(batches(), 4);
  wire.send({ type: "took", doc: A, size });
  await turns(200);
  assert.equal(batches(), 5);
  wire.hello({ type: "hello", doc: A, genesis: null, since: 0, store: null }, { prove: async () => new Uint8Array(64), token: async () => "" });
  await turns(200);
  assert.equal(batches(), 9); // a reading of its own
  wire.close();
});

/** What a device hears of a relay that answers with these headers and statements. */
const hear = async (o: { readonly head?: string; readonly store?: string; readonly stores?: readonly string[]; readonly genesis?: number; readonly successor?: number }): Promise<{ readonly types: readonly string[]; readonly closed: boolean | null }> => {
  const types: string[] = [];
  let closed: boolean | null = null;
  let reads = 0;
  const answer = (path: string): Response => {
    if (path === "/healthz") return new Response();
    if (path.endsWith("/genesis")) return new Response(new Uint8Array(o.genesis ?? 113));
    if (path.endsWith("/successor")) return o.successor === undefined ? new Response(null, { status: 404 }) : new Response(new Uint8Array(o.successor));
    const batch = encodeFrame({ type: "batch", doc: A, entries: [], upTo: 0, more: false });
    return new Response(batch, { headers: { "freehold-store": o.stores?.[reads++] ?? o.store ?? STORE, ...(o.head === "" ? {} : { "freehold-head": o.head ?? "1000" }) } });
  };
  let asked = 0;
  const wire = await new Promise<ReturnType<ReturnType<typeof pollWire>>>((resolve) => {
    const opening = pollWire(async (url) => {
      await turns(1);
      if (++asked > 6) await new Promise(() => undefined); // a relay with no news
      return answer((url as URL).pathname);
    })("https://relay.example", { opened: () => resolve(opening), frame: (f) => void types.push(f.type), closed: (garbage) => { closed = garbage; } });
  });
  wire.hello({ type: "hello", doc: A, genesis: null, since: 0, store: null }, { prove: async () => new Uint8Array(64), token: async () => "" });
  await turns(200);
  wire.close();
  return { types: [...new Set(types)], closed };
};

test("what is no cursor, store or statement is garbage, and nobody hears it", async () => {
  const good = { types: ["welcome", "batch"], closed: null };
  for (const o of [{}, { head: "0" }, { head: String(Number.MAX_SAFE_INTEGER) }, { successor: 84 }]) assert.deepEqual(await hear(o), good, JSON.stringify(o));
  const bad = [{ head: "-1" }, { head: "1.5" }, { head: String(2 ** 53) }, { head: "many" }, { head: "" }, { store: "AAAA" }, { store: "!!" }, { genesis: 112 }, { genesis: 0 }, { successor: 85 }];
  for (const o of bad) assert.deepEqual(await hear(o), { types: [], closed: true }, JSON.stringify(o));
});

test("of a document a connection has one store", async () => {
  assert.deepEqual(await hear({ stores: [STORE, "Q".repeat(22)] }), { types: ["welcome", "batch"], closed: true });
});
