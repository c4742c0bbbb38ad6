// What opening a run of the relay's envelopes gives when some of it is bad.

import assert from "node:assert/strict";
import { test } from "node:test";
import { verifyFork } from "../../src/seal/fork.ts";
import { sealer } from "../../src/seal/seal.ts";
import { Kind } from "../../src/seal/sealer.ts";
import { open, type Desk } from "../../src/vault/chores.ts";
import { openEach } from "../../src/vault/payload.ts";
import { problem } from "../../src/vault/problems.ts";
import { Refs } from "../../src/vault/refs.ts";
import { bytes, hex, newDoc, newWriter, vectors, type Doc } from "./seal-fixture.ts";

const update = (n: number): Uint8Array => sealer.encodeUpdate({ deps: [], update: Uint8Array.of(n) });

/** A run of the document's session; the envelopes named are signed badly, and those after them follow them all the same. */
const sealed = async (d: Doc, contents: readonly Uint8Array[], badly: readonly number[] = []): Promise<Uint8Array[]> => {
  const run: Uint8Array[] = [];
  let prev = await sealer.sha256(d.session.cert);
  for (const [seq, plain] of contents.entries()) {
    const { bytes } = await d.keysOf.write.seal(d.session, Kind.update, seq, prev, plain);
    if (badly.includes(seq)) bytes[bytes.length - 1]! ^= 1;
    prev = await sealer.sha256(bytes);
    run.push(bytes);
  }
  return run;
};

/** What stands for an update that nobody can read, and for one of a newer version (docs/FORMAT.md). */
const unreadable = [0x01], unknown = [0x0f];

/** How many of the run are opened, and what is said about the next. */
const openAll = async (d: Doc, run: readonly Uint8Array[], cert: Uint8Array = d.session.cert, instead: Readonly<Record<number, readonly number[]>> = {}, session = d.session.session) => {
  const refs = new Refs();
  const certs = new Map<string, Uint8Array>();
  const desk = { doc: 1, sealer, keys: d.keysOf.read, refs, certs } as unknown as Desk;
  const names = run.map((bytes, seq) => refs.add({ session, seq, bytes, cert }));
  const done = await open(desk, { type: "open", doc: 1, job: 1, kind: Kind.update, session, next: 0, refs: names });
  assert(done.type === "opened");
  done.items.forEach((_, i) => assert.deepEqual([...refs.get(names[i]!).update!], instead[i] ?? [i]));
  return { opened: done.items.length, problem: done.problem, hasCert: certs.size > 0 };
};

test("a good run is opened whole", async () => {
  const d = await newDoc();
  assert.deepEqual(await openAll(d, await sealed(d, [0, 1, 2].map(update))), { opened: 3, problem: problem.none, hasCert: true });
});

test("what is good before a damaged envelope is opened", async () => {
  const d = await newDoc();
  const run = await sealed(d, [0, 1, 2, 3].map(update));
  run[2] = run[2]!.slice();
  run[2][100]! ^= 1;
  assert.deepEqual(await openAll(d, run), { opened: 2, problem: problem.forged, hasCert: true });
});

test("a later signature vouches for bad ones; a bad one at the end waits", async () => {
  const d = await newDoc();
  assert.deepEqual(await openAll(d, await sealed(d, [0, 1, 2, 3, 4].map(update), [0, 1, 3, 4])), { opened: 3, problem: problem.forged, hasCert: true });
});

test("a signed envelope that is no update stands for one that no core takes, or that only a newer one does", async () => {
  const d = await newDoc();
  const none = Uint8Array.of(0, 255, 255), newer = Uint8Array.of(1);
  const run = await sealed(d, [update(0), none, newer, new Uint8Array(), update(4)]);
  assert.deepEqual(await openAll(d, run, d.session.cert, { 1: unreadable, 2: unknown, 3: unreadable }), { opened: 5, problem: problem.none, hasCert: true });
});

test("so does one that does not decrypt, when its session signed it; what a relay changed waits", async () => {
  const d = await newDoc();
  const by = await newWriter(d.doc, "write", d.secretOf.write, d.genesis);
  const first = await by.seal(0, await sealer.sha256(by.cert), update(0));
  const bad = await by.seal(1, await sealer.sha256(first), update(1), { garbled: true });
  const last = await by.seal(2, await sealer.sha256(bad), update(2));
  assert.deepEqual(await openAll(d, [first, bad, last], by.cert, { 1: unreadable }, by.session), { opened: 3, problem: problem.none, hasCert: true });
  const changed = bad.slice();
  changed[100]! ^= 1;
  assert.deepEqual(await openAll(d, [first, changed, last], by.cert, {}, by.session), { opened: 1, problem: problem.forged, hasCert: true });
  assert.deepEqual(await openAll(d, [first, changed], by.cert, {}, by.session), { opened: 1, problem: problem.forged, hasCert: true });
});

test("nothing is opened, and no certificate kept, when the first is bad or nobody admitted the session", async () => {
  const d = await newDoc();
  const run = await sealed(d, [0].map(update), [0]);
  assert.deepEqual(await openAll(d, run), { opened: 0, problem: problem.forged, hasCert: false });
  const other = await newDoc();
  assert.deepEqual(await openAll(d, run, other.session.cert), { opened: 0, problem: problem.forged, hasCert: false });
});

test("S14: a pack is compared with what is here of its places, and the device not read where nothing is", async () => {
  const d = await newDoc();
  const { session } = d.session;
  const run = await sealed(d, [0, 1, 2].map(update));
  const packOf = async (contents: readonly number[]): Promise<Uint8Array> =>
    d.keysOf.write.sealPack(d.session, 0, contents.length - 1, await sealer.sha256(d.session.cert), await sealer.sha256(run[contents.length - 1]!), sealer.encodePack(contents.map(update)));
  const [other, same] = [await packOf([0, 7]), await packOf([0, 1, 2])];
  let loads = 0;
  const load = async () => (loads++, { snapshot: null, besides: [], certs: [], marks: [], proofs: [], envelopes: run.slice(0, 2).map((bytes, seq) => ({ session, seq, bytes })) });
  const openPack = async (pack: Uint8Array, next: number) => {
    const refs = new Refs();
    const desk = { doc: 1, sealer, keys: d.keysOf.read, refs, certs: new Map(), copies: { load } } as unknown as Desk;
    const { seq } = sealer.header(pack);
    const done = await open(desk, { type: "open", doc: 1, job: 1, kind: Kind.pack, session, next, refs: [refs.add({ session, seq, bytes: pack, cert: d.session.cert })] });
    assert(done.type === "opened");
    return { places: done.items[0]?.contents.length ?? 0, problem: done.problem, loads };
  };
  assert.deepEqual(await openPack(same, 0), { places: 3, problem: problem.none, loads: 0 });
  assert.deepEqual(await openPack(same, 2), { places: 3, problem: problem.none, loads: 1 });
  assert.deepEqual(await openPack(other, 1), { places: 2, problem: problem.none, loads: 2 });
  assert.deepEqual(await openPack(other, 2), { places: 0, problem: problem.forked, loads: 3 });
});

test("S14: a pack that nobody can read says so in each of its places, and something else than what can be read there", async () => {
  const d = await newDoc();
  const by = await newWriter(d.doc, "write", d.secretOf.write, d.genesis);
  const { session } = by;
  const begin = await sealer.sha256(by.cert);
  const first = await by.seal(0, begin, update(0));
  const hidden = await by.seal(1, await sealer.sha256(first), update(1));
  const end = await sealer.sha256(hidden);
  const good = sealer.encodePack([update(0), update(1)]);
  const load = async () => ({ snapshot: null, besides: [], certs: [], marks: [], proofs: [], envelopes: [{ session, seq: 0, bytes: first }] });
  const openPack = async (plain: Uint8Array, garbled: boolean, next: number) => {
    const refs = new Refs();
    const desk = { doc: 1, sealer, keys: d.keysOf.read, refs, certs: new Map(), copies: { load } } as unknown as Desk;
    const ref = refs.add({ session, seq: 1, bytes: await by.seal(1, begin, plain, { garbled, first: 0, end }), cert: by.cert });
    const done = await open(desk, { type: "open", doc: 1, job: 1, kind: Kind.pack, session, next, refs: [ref] });
    assert(done.type === "opened");
    return done.problem === problem.none ? done.items[0]!.contents.map((c) => [...refs.get(c.ref).update!]) : done.problem;
  };
  const none = sealer.encodePack([update(0)]), half = sealer.encodePack([update(0), Uint8Array.of(0, 255)]), newer = Uint8Array.of(1);
  assert.deepEqual(await openPack(good, false, 1), [[0], [1]]);
  for (const [plain, garbled] of [[good, true], [none, false], [new Uint8Array(), false]] as const) {
    assert.deepEqual(await openPack(plain, garbled, 0), [unreadable, unreadable]);
    assert.equal(await openPack(plain, garbled, 1), problem.forked);
    const pack = await by.seal(1, begin, plain, { garbled, first: 0, end });
    const proof = await d.keysOf.read.proveFork(by.cert, [first], [pack]);
    assert.equal((await verifyFork(d.doc, proof!, d.keysOf.read.open)).seq, 0);
  }
  assert.deepEqual(await openPack(half, false, 1), [[0], unreadable]);
  assert.deepEqual(await openPack(newer, false, 1), [unknown, unknown], "what a newer version reads may be the same");
});

test("updates that nobody can read: the vectors", async () => {
  const v = vectors("updates.json");
  const keys = await sealer.keys(v.doc, "read", bytes(v.read), bytes(v.genesis));
  const cert = bytes(v.certificate);
  for (const c of v.cases) {
    const envelope = bytes(c.bytes);
    const { session, seq } = sealer.header(envelope);
    await keys.verifyRun(cert, null, [envelope]);
    const [said] = await openEach(sealer, keys, [{ session, seq, bytes: envelope }]);
    assert.deepEqual(said!.map((x) => hex(x.update)), c.updates, c.name);
    const changed = envelope.slice();
    changed[changed.length - 65]! ^= 1;
    await assert.rejects(keys.verifyRun(cert, null, [changed]), { code: "relay-invalid" }, c.name);
  }
});
