// What a relay, a stranger or a mistake can do to sealed bytes, on WebCrypto (twin of internal/seal/hostile_test.go).

import assert from "node:assert/strict";
import { test } from "node:test";
import { toBase64url } from "../../src/ids.ts";
import { newKeyPair } from "../../src/seal/ed25519.ts";
import { parseEnvelope } from "../../src/seal/envelope.ts";
import { verifyFork } from "../../src/seal/fork.ts";
import { unlock } from "../../src/seal/keys.ts";
import { certify, sealEnvelope, sessionOf, verifyCertificate } from "../../src/seal/run.ts";
import { sealer } from "../../src/seal/seal.ts";
import type { EnvelopeHeader } from "../../src/seal/sealer.ts";
import { Kind, MAX_HEADS } from "../../src/seal/sealer.ts";
import { bytes, newDoc, sealRun, vectors } from "./seal-fixture.ts";

const text = (s: string): Uint8Array => new TextEncoder().encode(s);
const updates = (...texts: string[]): Array<readonly [Kind, Uint8Array]> => texts.map((t) => [Kind.update, text(t)] as const);
const refused = { code: "relay-invalid" };
const SIGNATURE = 64;

const flipped = (b: Uint8Array, at: number, mask: number): Uint8Array => {
  const out = b.slice();
  out[at]! ^= mask;
  return out;
};

/** Any of the two codes that mean "keep off": damaged, or made by a newer version. */
const keptOff = (e: unknown): boolean => ["relay-invalid", "newer-format"].includes((e as { code: string }).code);

test("every flipped byte of an envelope is refused", async () => {
  const d = await newDoc();
  const run = await sealRun(d.keysOf.write, d.session, updates("one", "two, somewhat longer than the others so that its padding is another"));
  for (const [i, envelope] of run.entries()) {
    for (let at = 0; at < envelope.length; at++) {
      const damaged = flipped(envelope, at, 0x01);
      await assert.rejects(d.keysOf.read.verifyRun(d.session.cert, null, run.with(i, damaged)), keptOff, `byte ${at} in the run`);
      await assert.rejects(d.keysOf.read.verifyRun(d.session.cert, null, [damaged]), keptOff, `byte ${at} by itself`);
      // Opening leaves the signature to verifyRun.
      if (at < envelope.length - SIGNATURE) await assert.rejects(d.keysOf.read.open(damaged), keptOff, `byte ${at} opened`);
    }
  }
});

test("every flipped byte of a certificate or genesis is refused", async () => {
  const d = await newDoc();
  const run = await sealRun(d.keysOf.write, d.session, updates("one"));
  for (let at = 0; at < d.session.cert.length; at++) await assert.rejects(d.keysOf.read.verifyRun(flipped(d.session.cert, at, 1), null, run), refused, `certificate byte ${at}`);
  for (let at = 0; at < d.genesis.length; at++) await assert.rejects(sealer.keys(d.doc, "read", d.secretOf.read, flipped(d.genesis, at, 1)), keptOff, `genesis byte ${at}`);
});

test("an envelope too small for anything padded is refused", async () => {
  const d = await newDoc();
  const tiny = new Uint8Array(128);
  tiny[0] = 1; // suite; and size 0, which is true
  assert.throws(() => parseEnvelope(tiny), refused);
  await assert.rejects(d.keysOf.read.open(tiny), refused);
});

test("truncated bytes are refused", async () => {
  const d = await newDoc();
  const [envelope] = (await sealRun(d.keysOf.write, d.session, updates("cut me"))) as [Uint8Array];
  for (let end = 0; end < envelope.length; end++) {
    await assert.rejects(d.keysOf.read.open(envelope.subarray(0, end)), refused, `opened ${end} bytes`);
    await assert.rejects(d.keysOf.read.verifyRun(d.session.cert, null, [envelope.subarray(0, end)]), refused, `verified ${end} bytes`);
  }
  for (let end = 0; end < d.session.cert.length; end++) await assert.rejects(d.keysOf.read.verifyRun(d.session.cert.subarray(0, end), null, [envelope]), refused);
  for (let end = 0; end < d.genesis.length; end++) await assert.rejects(sealer.keys(d.doc, "read", d.secretOf.read, d.genesis.subarray(0, end)), refused);
});

test("what was made for one place is refused in every other", async () => {
  const here = await newDoc();
  const there = await newDoc();
  const run = await sealRun(here.keysOf.write, here.session, updates("one", "two"));
  await assert.rejects(there.keysOf.read.verifyRun(here.session.cert, null, run), refused, "another document");
  await assert.rejects(there.keysOf.read.verifyRun(there.session.cert, null, run), refused, "another document's session");
  await assert.rejects(there.keysOf.read.open(run[0]!), refused, "opened in another document");

  const asSnapshot = run[0]!.with(1, Kind.snapshot);
  await assert.rejects(here.keysOf.read.verifyRun(here.session.cert, null, [asSnapshot]), refused, "another kind");
  await assert.rejects(here.keysOf.read.open(asSnapshot), refused, "opened as another kind");

  const second = await here.keysOf.write.newSession();
  const [target] = (await sealRun(here.keysOf.write, second, updates("mine"))) as [Uint8Array];
  const moved = run[0]!.slice();
  moved.set(target.subarray(16, 64), 16); // its session and prev
  await assert.rejects(here.keysOf.read.verifyRun(second.cert, null, [moved]), refused, "another session");
  await assert.rejects(here.keysOf.read.open(moved), refused, "opened in another session");
});

test("broken chains are refused", async () => {
  const v = vectors("chains.json");
  const keys = await sealer.keys(v.doc, "read", bytes(v.read), bytes(v.genesis));
  for (const c of v.cases) {
    const verified = keys.verifyRun(bytes(v.certificate), c.after === undefined ? null : bytes(c.after), c.run.map(bytes));
    if (c.accept) await verified;
    else await assert.rejects(verified, refused, c.name);
  }
  for (const c of v.contents) {
    if (c.accept) await keys.open(bytes(c.bytes));
    else await assert.rejects(keys.open(bytes(c.bytes)), refused, c.name);
  }
});

test("a certificate of a weak key is refused", async () => {
  const d = await newDoc();
  const ring = await unlock(d.doc, "write", d.secretOf.write, d.genesis);
  const weak = Uint8Array.of(1, ...new Uint8Array(31));
  await assert.rejects(verifyCertificate(ring, await certify(ring, ring.write!, weak)), refused);
  await verifyCertificate(ring, d.session.cert);
});

test("a genesis that lies is refused", async () => {
  const codes: Record<string, string> = { "wrong key": "wrong-key", corrupt: "relay-invalid" };
  for (const v of vectors("genesis.json")) {
    const unlocked = sealer.keys(v.doc, v.rights, bytes(v.secret), bytes(v.genesis));
    if (v.refuse === "") await unlocked;
    else await assert.rejects(unlocked, { code: codes[v.refuse] }, v.why);
  }
});

test("a session never seals one seq twice, and never without its own key", async () => {
  const d = await newDoc();
  const prev = await sealer.sha256(d.session.cert);
  const first = await d.keysOf.write.seal(d.session, Kind.update, 0, prev, text("first"));
  await assert.rejects(d.keysOf.write.seal(d.session, Kind.update, 0, prev, text("another first")), { code: "invalid" });
  await assert.rejects(d.keysOf.write.seal(d.session, Kind.update, 2, first.hash, text("a gap")), { code: "invalid" });
  await assert.rejects(d.keysOf.write.seal({ ...d.session }, Kind.update, 1, first.hash, text("a copy has no key")), { code: "invalid" });
  await assert.rejects(d.keysOf.write.seal(d.session, Kind.attest, 1, first.hash, text("about no snapshot")), { code: "invalid" });
  await assert.rejects(d.keysOf.write.seal(d.session, Kind.ephemeral, 1, first.hash, text("presence in the chain")), { code: "invalid" });
  await assert.rejects(d.keysOf.write.seal(d.session, Kind.auth, 1, first.hash, text("a later release")), { code: "newer-format" });
  await assert.rejects(d.keysOf.write.sealPack(d.session, 0, 1, prev, first.hash, text("not sealed yet")), { code: "invalid" });
  const both = await Promise.allSettled([1, 1].map((seq) => d.keysOf.write.seal(d.session, Kind.update, seq, first.hash, text("a race"))));
  assert.deepEqual(both.map((r) => r.status).sort(), ["fulfilled", "rejected"]);
});

test("wrong keys are told from damaged bytes", async () => {
  const here = await newDoc();
  const there = await newDoc();
  for (const claimed of ["read", "write", "owner"] as const) {
    await assert.rejects(sealer.keys(here.doc, claimed, there.secretOf[claimed], here.genesis), { code: "wrong-key", doc: here.doc });
    for (const has of ["read", "write", "owner"] as const) {
      if (has !== claimed) await assert.rejects(sealer.keys(here.doc, claimed, here.secretOf[has], here.genesis), { code: "wrong-key" }, `${has} as ${claimed}`);
    }
  }
  await assert.rejects(sealer.keys(here.doc, "read", here.secretOf.read, there.genesis), refused, "the genesis of another document");
  await assert.rejects(sealer.keys(here.doc, "read", new Uint8Array(31), here.genesis), { code: "wrong-key" });
});

test("a link gives no more than it says", async () => {
  const d = await newDoc();
  await assert.rejects(d.keysOf.read.newSession(), { code: "read-only" });
  for (const [from, to] of [["read", "write"], ["read", "owner"], ["write", "owner"]] as const) {
    await assert.rejects(sealer.attenuate(d.secretOf[from], from, to), { code: "read-only" }, `${from} to ${to}`);
  }
  assert.deepEqual(await sealer.attenuate(d.secretOf.write, "write", "write"), d.secretOf.write);
});

test("newer formats are left alone", async () => {
  const d = await newDoc();
  const [envelope] = (await sealRun(d.keysOf.write, d.session, updates("content"))) as [Uint8Array];
  for (const [at, value] of [[0, 2], [1, Kind.ephemeral], [1, Kind.auth], [1, 7], [1, 255], [2, 1], [3, 1]] as const) {
    const made = envelope.with(at, value);
    await assert.rejects(d.keysOf.read.open(made), { code: "newer-format" }, `byte ${at} = ${value}`);
    await assert.rejects(d.keysOf.read.verifyRun(d.session.cert, null, [made]), { code: "newer-format" }, `byte ${at} = ${value}`);
  }
  await assert.rejects(sealer.keys(d.doc, "read", d.secretOf.read, d.genesis.with(0, 2)), { code: "newer-format" });
  for (const kind of [7, 255]) assert.throws(() => sealer.header(envelope.with(1, kind)), { code: "newer-format" });
});

test("a session packs each envelope once", async () => {
  const d = await newDoc();
  const run = await sealRun(d.keysOf.write, d.session, updates("one", "two", "three"));
  const { hashes } = await d.keysOf.read.verifyRun(d.session.cert, null, run);
  const before = await sealer.sha256(d.session.cert);
  const pack = await d.keysOf.write.sealPack(d.session, 0, 1, before, hashes[1]!, sealer.encodePack([]));
  await assert.rejects(d.keysOf.write.sealPack(d.session, 0, 1, before, hashes[1]!, sealer.encodePack([])), { code: "invalid" });
  await assert.rejects(d.keysOf.write.sealPack(d.session, 2, 2, hashes[1]!, hashes[2]!, sealer.encodePack([])), { code: "invalid" });
  const wider = await d.keysOf.write.sealPack(d.session, 0, 2, before, hashes[2]!, sealer.encodePack([]));
  for (const verified of [await d.keysOf.read.verifyRun(d.session.cert, null, [pack, run[2]!]), await d.keysOf.read.verifyRun(d.session.cert, null, [wider])]) {
    assert.deepEqual(verified.hashes.at(-1), hashes[2]);
  }
});

test("the header of any kind is read without a key", async () => {
  const d = await newDoc();
  const [envelope] = (await sealRun(d.keysOf.write, d.session, updates("content"))) as [Uint8Array];
  for (const kind of Object.values(Kind)) {
    const header: EnvelopeHeader = sealer.header(envelope.with(1, kind));
    assert.deepEqual([header.kind, header.seq, header.session], [kind, 0, d.session.session]);
  }
});

test("nothing of a key can be read back", async () => {
  const d = await newDoc();
  assert.deepEqual(Object.keys(d.session).sort(), ["cert", "session"]);
  const secrets = Object.values(d.secretOf).map((s) => Buffer.from(s).toString("hex"));
  const shown = JSON.stringify([d.session, d.keysOf.owner], (_, v) => (v instanceof Uint8Array ? Buffer.from(v).toString("hex") : v));
  for (const secret of secrets) assert.ok(!shown.includes(secret));
});

test("a run longer than what is hashed at once", async () => {
  const d = await newDoc();
  const run = await sealRun(d.keysOf.write, d.session, updates(...Array.from({ length: 600 }, (_, i) => `edit ${i}`)));
  const { hashes } = await d.keysOf.read.verifyRun(d.session.cert, null, run);
  assert.equal(hashes.length, 600);
  assert.deepEqual(hashes[599], await sealer.sha256(run[599]!));
});

test("no proof of a fork is cut out of what is no run", async () => {
  const d = await newDoc();
  const ring = await unlock(d.doc, "write", d.secretOf.write, d.genesis);
  const { key, publicKey } = await newKeyPair();
  const session = await sessionOf(publicKey);
  const cert = await certify(ring, ring.write!, publicKey);
  const seal = async (seq: number, prev: Uint8Array, word: string) => {
    const bytes = await sealEnvelope(ring, key, { kind: Kind.update, session, seq, prev, salt: new Uint8Array(4) }, sealer.encodeUpdate({ deps: [], update: text(word) }));
    return { bytes, hash: await sealer.sha256(bytes) };
  };
  const zero = await seal(0, await sealer.sha256(cert), "zero");
  const a1 = await seal(1, zero.hash, "one");
  const a2 = await seal(2, a1.hash, "two");
  const b1 = await seal(1, zero.hash, "another one");
  const b2 = await seal(2, b1.hash, "another two");
  const b3 = await seal(3, b2.hash, "another three");
  type Sealed = typeof zero;
  for (const [what, here, came, seq] of [
    ["a mixture, and the other one", [zero, a1, b2], [b1], 1],
    ["a mixture of which the other is not here", [zero, a1, b3], [b2], 1],
    ["a mixture that came", [zero, a1, a2], [a1, b2], 1],
    ["in another order", [a2, zero, a1], [b2, b1], 1],
    ["with a gap", [zero, a2], [b2], 1],
    ["a gap, and nothing else", [zero, a2], [a1], null],
    ["the same in pieces", [b3, b1], [b2, b1], null],
    ["far apart", [zero], [b3], null],
    ["nothing here", [], [b1], null],
    ["nothing came", [zero], [], null],
  ] as ReadonlyArray<readonly [string, readonly Sealed[], readonly Sealed[], number | null]>) {
    const proof = await d.keysOf.read.proveFork(cert, here.map((e) => e.bytes), came.map((e) => e.bytes));
    assert.equal(proof !== null, seq !== null, what);
    if (proof !== null) assert.equal((await verifyFork(d.doc, proof, null)).seq, seq, what);
  }
});

test("a content names so many heads and no more", () => {
  const heads = (n: number) => Array.from({ length: n }, (_, i) => {
    const session = new Uint8Array(16);
    new DataView(session.buffer).setUint32(0, i);
    return { session: toBase64url(session), seq: i, hash: new Uint8Array(16) };
  });
  const content = (n: number) => ({ parent: new Uint8Array(32), covers: heads(n), digest: new Uint8Array(16), file: new Uint8Array(1) });
  const most = content(MAX_HEADS);
  const encoded = sealer.encodeSnapshot(most);
  assert.deepEqual(sealer.decodeSnapshot(encoded), most);
  assert.throws(() => sealer.encodeSnapshot(content(MAX_HEADS + 1)), { code: "invalid" });
  // version 1 │ parent 32 │ the count in 3
  const more = new Uint8Array([...encoded, ...new Uint8Array(1000)]);
  more.set([0x81, 0x80, 0x04], 33);
  assert.throws(() => sealer.decodeSnapshot(more), { code: "relay-invalid", message: /heads/ });
});

test("a failure of the browser's own is not taken for a content that nobody can read", async (t) => {
  const d = await newDoc();
  const [envelope] = await sealRun(d.keysOf.write, d.session, updates("one"));
  const real = crypto.subtle.decrypt.bind(crypto.subtle);
  let failures = 1;
  t.mock.method(crypto.subtle, "decrypt", (...given: Parameters<SubtleCrypto["decrypt"]>) => (failures-- > 0 ? Promise.reject(new DOMException("internal", "OperationError")) : real(...given)));
  assert.equal(new TextDecoder().decode(await d.keysOf.read.open(envelope!)), "one");
  failures = 2;
  await assert.rejects(d.keysOf.read.open(envelope!), refused);
});
