// What opening a run of the relay's envelopes gives when some of it is bad.

import assert from "node:assert/strict";
import { test } from "node:test";
import { sealer } from "../../src/seal/seal.ts";
import { Kind } from "../../src/seal/sealer.ts";
import { open, type Desk } from "../../src/vault/chores.ts";
import { problem } from "../../src/vault/problems.ts";
import { Refs } from "../../src/vault/refs.ts";
import { newDoc, type Doc } from "./seal-fixture.ts";

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

/** How many of the run are opened, and what is said about the next. */
const openAll = async (d: Doc, run: readonly Uint8Array[], cert: Uint8Array = d.session.cert) => {
  const refs = new Refs();
  const { session } = d.session;
  const certs = new Map<string, Uint8Array>();
  const desk = { doc: 1, sealer, keys: d.keysOf.read, refs, certs } as unknown as Desk;
  const names = run.map((bytes, seq) => refs.add({ session, seq, bytes, cert }));
  const done = await open(desk, { type: "open", doc: 1, job: 1, kind: Kind.update, session, next: 0, refs: names });
  assert(done.type === "opened");
  done.items.forEach((_, i) => assert.deepEqual([...refs.get(names[i]!).update!], [i]));
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

test("what is good before a signed envelope that is no update is opened", async () => {
  const d = await newDoc();
  const run = await sealed(d, [update(0), update(1), Uint8Array.of(255, 255, 255), update(3)]);
  assert.deepEqual(await openAll(d, run), { opened: 2, problem: problem.forged, hasCert: true });
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
