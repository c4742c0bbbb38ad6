// What goes up of a run of which the device has some one by one and some in packs.

import assert from "node:assert/strict";
import { test } from "node:test";
import { sealer } from "../../src/seal/seal.ts";
import { Kind } from "../../src/seal/sealer.ts";
import type { Copies } from "../../src/store/store.ts";
import type { StoreError } from "../../src/store/storeerror.ts";
import { Outbound } from "../../src/vault/outbound.ts";
import { newDoc, sealRun } from "./seal-fixture.ts";

/** Five updates, and a pack of some of them; the device has stored what `on` says. `sent` gives what goes up. */
const outboundOf = async (from: number, to: number, on: readonly number[], covers?: number) => {
  const d = await newDoc();
  const { session } = d.session;
  const run = await sealRun(d.keysOf.write, d.session, Array.from({ length: 5 }, (_, n) => [Kind.update, sealer.encodeUpdate({ deps: [], update: Uint8Array.of(n) })]));
  const prev = await sealer.sha256(run[from - 1] ?? d.session.cert);
  const pack = await d.keysOf.write.sealPack(d.session, from, to, prev, await sealer.sha256(run[to]!), sealer.encodePack([]));
  const envelopes = on.map((seq) => ({ session, seq, bytes: run[seq]! }));
  const snapshot = covers === undefined ? null : { generation: 1, file: new Uint8Array(), covers: [{ session, seq: covers, hash: new Uint8Array(32), cert: d.session.cert }], claims: [] };
  const stored = { snapshot, besides: [], certs: [], marks: [], proofs: [], envelopes: [...envelopes, { session, seq: to, bytes: pack }] };
  const outbound = new Outbound({ doc: d.doc, copies: { load: async () => stored } as unknown as Copies, sealer, cert: () => null });
  outbound.restart(1);
  const sent = async (from: number, to: number): Promise<readonly Uint8Array[]> => {
    let frame: readonly Uint8Array[] = [];
    assert.equal(await outbound.send(session, from, to, (_, all) => { frame = all; }, 1), from);
    return frame;
  };
  return { outbound, session, run, pack, sent };
};

test("S14: a pack that begins before what is here one by one brings that as well", async () => {
  const { run, pack, sent } = await outboundOf(0, 3, [0, 1, 4]);
  assert.deepEqual(await sent(0, 1), [run[0], run[1]]);
  assert.deepEqual(await sent(1, 4), [pack, run[4]]); // an append is one run: 1, and then what begins at 0, is none
});

test("S14: what a pack brings besides is left out where it comes behind it", async () => {
  const { outbound, session, run, pack, sent } = await outboundOf(1, 3, [0, 4]);
  outbound.keep(session, 2, run[2]!, true); // was on its way when the pack was made
  assert.deepEqual(await sent(1, 2), [pack]);
  assert.deepEqual(await sent(0, 4), [run[0], pack, run[4]]);
});

// One store lacks it and the other, which has it, could not be read: what comes of a load is all that there is to know of the document.
test("only what a checkpoint took in is gone; what is not found otherwise is no hole", async () => {
  const sent: Uint8Array[] = [];
  const send = ({ outbound, session }: Awaited<ReturnType<typeof outboundOf>>, from: number): Promise<number> => outbound.send(session, from, 4, (_, all) => sent.push(...all), 1);
  const holed = await outboundOf(3, 4, [0], 1);
  for (const from of [0, 2]) await assert.rejects(send(holed, from), (e: StoreError) => e.code === "storage-lost");
  const whole = await outboundOf(2, 4, [0], 1);
  assert.equal(await send(whole, 0), 2);
  assert.deepEqual(sent, []);
  assert.equal(await send(whole, 2), 2);
  assert.deepEqual(sent, [whole.pack]);
});
