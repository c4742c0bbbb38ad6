// What goes up of a run of which the device has some one by one and some in packs.

import assert from "node:assert/strict";
import { test } from "node:test";
import { sealer } from "../../src/seal/seal.ts";
import { Kind } from "../../src/seal/sealer.ts";
import type { Copies } from "../../src/store/store.ts";
import { Outbound } from "../../src/vault/outbound.ts";
import { newDoc, sealRun } from "./seal-fixture.ts";

/** Five updates, and a pack of some of them; the device has stored what `on` says. `sent` gives what goes up. */
const outboundOf = async (from: number, to: number, on: readonly number[]) => {
  const d = await newDoc();
  const { session } = d.session;
  const run = await sealRun(d.keysOf.write, d.session, Array.from({ length: 5 }, (_, n) => [Kind.update, sealer.encodeUpdate({ deps: [], update: Uint8Array.of(n) })]));
  const prev = await sealer.sha256(run[from - 1] ?? d.session.cert);
  const pack = await d.keysOf.write.sealPack(d.session, from, to, prev, await sealer.sha256(run[to]!), sealer.encodePack([]));
  const envelopes = on.map((seq) => ({ session, seq, bytes: run[seq]! }));
  const stored = { snapshot: null, besides: [], certs: [], marks: [], proofs: [], envelopes: [...envelopes, { session, seq: to, bytes: pack }] };
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
