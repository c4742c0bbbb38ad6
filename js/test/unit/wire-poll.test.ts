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
