// What a device keeps of sessions that signed two histories: proofs while there is room, and of the others that they forked.

import assert from "node:assert/strict";
import { test } from "node:test";
import { sealer } from "../../src/seal/seal.ts";
import { newKeyPair } from "../../src/seal/ed25519.ts";
import { unlock } from "../../src/seal/keys.ts";
import { certify, sealEnvelope, sessionOf } from "../../src/seal/run.ts";
import { Kind, type DocKeys } from "../../src/seal/sealer.ts";
import { forksIn, proofsIn } from "../../src/store/statements.ts";
import { StoreError } from "../../src/store/storeerror.ts";
import type { Copies, SessionHead, StoredDoc, StoredEnvelope, StoredStatement } from "../../src/store/store.ts";
import type { Desk } from "../../src/vault/chores.ts";
import { Forks } from "../../src/vault/forks.ts";
import { Refs } from "../../src/vault/refs.ts";
import { newDoc, type Doc } from "./seal-fixture.ts";

/** A session that signs two first envelopes. */
const liar = async (d: Doc) => {
  const ring = await unlock(d.doc, "write", d.secretOf.write, d.genesis);
  const { key, publicKey } = await newKeyPair();
  const [session, cert] = [await sessionOf(publicKey), await certify(ring, ring.write!, publicKey)];
  const prev = await sealer.sha256(cert);
  const sign = (word: number): Promise<Uint8Array> =>
    sealEnvelope(ring, key, { kind: Kind.update, session, seq: 0, prev, salt: Uint8Array.of(0, 0, 0, word) }, sealer.encodeUpdate({ deps: [], update: new Uint8Array() }));
  return { session, cert, first: await sign(1), second: await sign(2) };
};
type Liar = Awaited<ReturnType<typeof liar>>;

/** A device that has statements, and the first history of some sessions, or a snapshot that took it in; `meet` gives it the second one of each. */
const device = (liars: readonly Liar[], keys: DocKeys, kept: readonly StoredStatement[], covers: readonly SessionHead[] = []) => {
  const disk = { full: false };
  const statements = new Map(kept.map((s) => [s.session, s]));
  const envelopes: readonly StoredEnvelope[] = covers.length > 0 ? [] : liars.map(({ session, first }) => ({ session, seq: 0, bytes: first }));
  const stored = (): StoredDoc => ({ snapshot: covers.length > 0 ? { covers, claims: [] } : null, besides: [], certs: [], marks: [], envelopes, statements: [...statements.values()] }) as unknown as StoredDoc;
  const copies = {
    load: async () => stored(),
    putStatement: async (_doc: string, s: StoredStatement) => {
      if (disk.full) throw new StoreError("quota", "full");
      statements.set(s.session, s);
      return { copies: 1 as const };
    },
  } as unknown as Copies;
  const refs = new Refs();
  const certs = new Map(liars.map((s) => [s.session, s.cert]));
  const forks = new Forks({ id: "doc", sealer, copies, refs, certs, keys } as unknown as Desk);
  /** Whom it found out, and whether it has no proof of it. */
  const meet = async (s: Liar, bytes = s.second): Promise<ReadonlyArray<readonly [string, boolean]>> => [...(await forks.compare(null, [refs.add({ session: s.session, seq: 0, bytes })]))];
  return { disk, forks, meet, stored };
};

const named = (n: number): string => Buffer.alloc(16, n + 1).toString("base64url");

test("S5: a proof that is too large is not kept, but that the session forked is", async () => {
  const d = await newDoc();
  const large = { proveFork: async () => new Uint8Array((4 << 20) + 1) } as unknown as DocKeys;
  const one = await liar(d);
  const { meet, stored } = device([one], large, []);
  assert.deepEqual(await meet(one), [[one.session, false]]);
  assert.deepEqual(stored().statements, [{ session: one.session, bytes: new Uint8Array() }]);
});

test("S5: beyond so many proofs it is remembered who forked, and a known fork gets its proof", async () => {
  const d = await newDoc();
  const [one, two] = [await liar(d), await liar(d)];
  const kept = Array.from({ length: 63 }, (_, n) => ({ session: named(n), bytes: Uint8Array.of(1) }));
  const { forks, meet, stored } = device([one, two], d.keysOf.read, kept);
  await forks.remember(two.session);
  assert.deepEqual(await meet(two), [[two.session, false]]); // there is room for one more
  assert.deepEqual(await meet(one), [[one.session, false]]);
  assert.equal(proofsIn(stored()).length, 64);
  assert.deepEqual(forksIn(stored()).filter((s) => s.bytes.length === 0).map((s) => s.session), [one.session]);
});

test("S5: of what a checkpoint took in the hash is left, and it tells that something else came", async () => {
  const d = await newDoc();
  const one = await liar(d);
  const { session, cert, first, second } = one;
  const folded = (seq: number, hash: Uint8Array) => device([one], d.keysOf.read, [], [{ session, seq, hash, cert }]);
  const { forks, meet, stored } = folded(0, await sealer.sha256(first));
  assert.deepEqual(await meet(one, first), []);
  assert.deepEqual(await meet(one, second.map((b, i) => (i === second.length - 1 ? b ^ 1 : b))), [], "its writer did not sign that");
  assert.deepEqual(await meet(one), [[session, true]]);
  assert.deepEqual(stored().statements, [], "the machine says what is to be remembered");
  assert.deepEqual(await folded(0, new Uint8Array(32)).meet(one), [], "nothing is known of what stood there");

  const longer = folded(1, new Uint8Array(32));
  assert.deepEqual(await longer.meet(one), []);
  longer.forks.note([{ session, seq: 0, bytes: first }]); // stored in this life
  let met: Awaited<ReturnType<typeof longer.meet>> = [];
  for (; met.length === 0; met = await longer.meet(one)) await new Promise(setImmediate); // it is hashed meanwhile
  assert.deepEqual(met, [[session, true]]);
  await forks.remember(session);
  assert.deepEqual(stored().statements, [{ session, bytes: new Uint8Array() }]);
});

test("S5: what is remembered has an end", async () => {
  const d = await newDoc();
  const kept = Array.from({ length: 1024 }, (_, n) => ({ session: `${n}`, bytes: new Uint8Array() }));
  const { forks, stored } = device([], d.keysOf.read, kept.slice(1));
  for (const session of ["0", "more"]) await forks.remember(session);
  assert.equal(stored().statements.length, 1024);
  assert.ok(!stored().statements.some((s) => s.session === "more"));
});

// Nothing else would tell the next life: the cursor is behind what came.
test("S5: a proof that no store took is kept with the next envelopes that one took", async () => {
  const d = await newDoc();
  const [one, two] = [await liar(d), await liar(d)];
  const { disk, forks, meet, stored } = device([one, two], d.keysOf.read, []);
  disk.full = true;
  await assert.rejects(meet(one), { code: "quota" });
  await assert.rejects(forks.remember(one.session), { code: "quota" });
  await assert.rejects(forks.remember(two.session), { code: "quota" });
  disk.full = false;
  forks.note([]);
  await forks.remember(named(1)); // behind what was begun
  assert.deepEqual(proofsIn(stored()).map((s) => s.session), [one.session]);
  assert.deepEqual(forksIn(stored()).map((s) => s.session), [one.session, two.session, named(1)]);
});
