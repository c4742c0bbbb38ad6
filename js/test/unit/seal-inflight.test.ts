// How many calls to WebCrypto are under way at once, counted by functions around them.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { sealer } from "../../src/seal/seal.ts";
import { Kind } from "../../src/seal/sealer.ts";
import { hashOf, openEach, sealUpdate } from "../../src/vault/payload.ts";
import { newDoc, sealRun } from "./seal-fixture.ts";

const MOST = 256;
/** What the machine opens at once (internal/sync/run.go: runLength). */
const RUN = 256;

const count = { flying: 0, most: 0 };
const prototype = Object.getPrototypeOf(crypto.subtle) as Record<string, (...args: unknown[]) => Promise<unknown>>;
for (const name of ["encrypt", "decrypt", "sign", "verify", "digest", "generateKey", "deriveKey", "deriveBits", "importKey", "exportKey"]) {
  const call = prototype[name]!;
  prototype[name] = async function (...args: readonly unknown[]) {
    count.most = Math.max(count.most, ++count.flying);
    try {
      return await call.call(this, ...args);
    } finally {
      count.flying--;
    }
  };
  after(() => { prototype[name] = call; });
}

test("a run is opened, hashed and verified with at most 256 calls in flight, whatever is asked beside it", async () => {
  const { doc, keysOf, session, secretOf, genesis } = await newDoc();
  const plain = (text: string): Uint8Array => sealer.encodeUpdate({ deps: [], update: new TextEncoder().encode(text) });
  const run = await sealRun(keysOf.write, session, Array.from({ length: RUN }, (_, i) => [Kind.update, plain(`${i}`)] as const));
  const stored = run.map((bytes, seq) => ({ session: session.session, seq, bytes }));
  const own = await keysOf.write.newSession();
  count.most = 0;
  const [opened, hashes, verified, sealed] = await Promise.all([
    openEach(sealer, keysOf.read, stored),
    Promise.all(run.map((bytes) => hashOf(sealer, bytes))),
    keysOf.read.verifyBeginning(session.cert, null, run),
    sealer.sha256(own.cert).then((prev) => sealUpdate(sealer, keysOf.write, own, 0, prev, [], plain("beside"))),
    sealer.keys(doc, "read", secretOf.read, genesis),
  ]);
  assert.equal(count.most, MOST, "the limit is reached, and kept");
  assert.equal(count.flying, 0);
  assert.deepEqual(opened.map(([o]) => new TextDecoder().decode(o!.update)), Array.from({ length: RUN }, (_, i) => `${i}`));
  assert.deepEqual(verified, { hashes, reason: null });
  assert.equal(sealer.header(sealed.bytes).session, own.session);
});

test("a call that fails gives its place to the next", async () => {
  const { keysOf, session } = await newDoc();
  const [bytes] = await sealRun(keysOf.write, session, [[Kind.update, new Uint8Array(9)]]);
  const bad = bytes!.slice();
  bad[90]! ^= 1;
  count.most = 0;
  const failed = await Promise.allSettled(Array.from({ length: 3 * MOST }, () => keysOf.read.open(bad)));
  assert.deepEqual([...new Set(failed.map((f) => f.status))], ["rejected"]);
  const good = await Promise.all(Array.from({ length: 3 * MOST }, () => keysOf.read.open(bytes!)));
  assert.equal(good.length, 3 * MOST);
  assert.equal(count.most, MOST);
});
