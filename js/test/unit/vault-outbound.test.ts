// What goes up of a run of which the device has some one by one and some in packs.

import assert from "node:assert/strict";
import { test } from "node:test";
import { sealer } from "../../src/seal/seal.ts";
import { Kind } from "../../src/seal/sealer.ts";
import type { Copies } from "../../src/store/store.ts";
import { Outbound } from "../../src/vault/outbound.ts";
import { newDoc, sealRun } from "./seal-fixture.ts";

test("S14: a pack that begins before what is here one by one brings that as well", async () => {
  const d = await newDoc();
  const { session } = d.session;
  const run = await sealRun(d.keysOf.write, d.session, Array.from({ length: 5 }, (_, n) => [Kind.update, sealer.encodeUpdate({ deps: [], update: Uint8Array.of(n) })]));
  const pack = await d.keysOf.write.sealPack(d.session, 0, 3, await sealer.sha256(d.session.cert), await sealer.sha256(run[3]!), sealer.encodePack([]));
  const envelopes = [0, 1, 4].map((seq) => ({ session, seq, bytes: run[seq]! }));
  const stored = { snapshot: null, besides: [], certs: [], marks: [], proofs: [], envelopes: [...envelopes, { session, seq: 3, bytes: pack }] };
  const outbound = new Outbound({ doc: d.doc, copies: { load: async () => stored } as unknown as Copies, sealer, cert: () => null });
  outbound.restart(1);
  const sent = async (from: number, to: number): Promise<readonly Uint8Array[]> => {
    let frame: readonly Uint8Array[] = [];
    assert.equal(await outbound.send(session, from, to, (_, all) => { frame = all; }, 1), from);
    return frame;
  };
  assert.deepEqual(await sent(0, 1), [run[0], run[1]]);
  assert.deepEqual(await sent(1, 4), [pack, run[4]]); // an append is one run: 1, and then what begins at 0, is none
});
