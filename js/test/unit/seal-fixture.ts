// The vectors that Go writes (internal/seal/vectors_test.go) and what both sides do with them.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import type { Rights } from "../../src/protocol.ts";
import { newKeyPair, signingKey } from "../../src/seal/ed25519.ts";
import { packClear } from "../../src/seal/envelope.ts";
import { unlock } from "../../src/seal/keys.ts";
import { certify, sealEnvelope, sessionOf } from "../../src/seal/run.ts";
import { sealer } from "../../src/seal/seal.ts";
import { Kind, type DocKeys, type SessionKeys, type Verdict } from "../../src/seal/sealer.ts";

export const vectorsDir = new URL("../../../testdata/seal/", import.meta.url);
export const vectors = (name: string): any => JSON.parse(readFileSync(new URL(name, vectorsDir), "utf8"));

export const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, "hex"));
export const hex = (b: Uint8Array): string => Buffer.from(b).toString("hex");

export interface EnvelopeVector {
  readonly kind: Kind;
  readonly seq: number;
  readonly prev: string;
  readonly salt?: string;
  /** What an attest or a pack says in clear. */
  readonly clear?: string;
  readonly plain: string;
  readonly bytes: string;
  readonly hash: string;
}

export interface DocumentVector {
  readonly owner: string;
  readonly write: string;
  readonly read: string;
  readonly genesis: string;
  readonly doc: string;
  readonly sessionSeed?: string;
  readonly session: string;
  readonly certificate: string;
  readonly envelopes: readonly EnvelopeVector[];
  /** Packs and presence: signed one by one. */
  readonly loose?: readonly EnvelopeVector[];
}

/** A reader who has the link and meets the document for the first time. */
export const checkDocument = async (v: DocumentVector): Promise<void> => {
  const genesis = bytes(v.genesis);
  for (const rights of ["read", "write", "owner"] as const) await sealer.keys(v.doc, rights, bytes(v[rights]), genesis);
  const keys = await sealer.keys(v.doc, "read", bytes(v.read), genesis);
  const { hashes } = await keys.verifyRun(bytes(v.certificate), null, v.envelopes.map((e) => bytes(e.bytes)));
  assert.deepEqual(hashes.map(hex), v.envelopes.map((e) => e.hash));
  for (const e of v.envelopes) {
    assert.equal(hex(await keys.open(bytes(e.bytes))), e.plain);
    assert.deepEqual((await keys.verifyRun(bytes(v.certificate), null, [bytes(e.bytes)])).hashes.map(hex), [e.hash]);
    const header = sealer.header(bytes(e.bytes));
    assert.deepEqual([header.kind, header.seq, header.session, hex(header.prev)], [e.kind, e.seq, v.session, e.prev]);
  }
  for (const e of v.loose ?? []) {
    if (e.kind === Kind.ephemeral) {
      assert.equal(hex(await keys.openEphemeral(bytes(v.certificate), bytes(e.bytes))), e.plain);
      continue;
    }
    assert.equal(hex(await keys.open(bytes(e.bytes))), e.plain);
    assert.deepEqual((await keys.verifyRun(bytes(v.certificate), null, [bytes(e.bytes)])).hashes.map(hex), [e.hash]);
  }
};

/** Makes every byte of the document again from its seeds. */
export const remakeDocument = async (v: DocumentVector, seedToPublic: (seed: Uint8Array) => Promise<Uint8Array>): Promise<void> => {
  const ring = await unlock(v.doc, "write", bytes(v.write), bytes(v.genesis));
  const seed = bytes(v.sessionSeed!);
  const publicKey = await seedToPublic(seed);
  assert.equal(await sessionOf(publicKey), v.session);
  assert.equal(hex(await certify(ring, ring.write!, publicKey)), v.certificate);
  const key = await signingKey(seed);
  for (const e of [...v.envelopes, ...(v.loose ?? [])]) {
    const header = { kind: e.kind, session: v.session, seq: e.seq, prev: bytes(e.prev), salt: bytes(e.salt!) };
    assert.equal(hex(await sealEnvelope(ring, key, header, bytes(e.plain), bytes(e.clear ?? ""))), e.bytes);
  }
};

export interface Doc {
  readonly doc: string;
  readonly genesis: Uint8Array;
  readonly secretOf: Readonly<Record<Rights, Uint8Array>>;
  readonly keysOf: Readonly<Record<Rights, DocKeys>>;
  readonly session: SessionKeys;
}

export const newDoc = async (): Promise<Doc> => {
  const { doc, secret, genesis } = await sealer.create();
  const secretOf = { owner: secret, write: await sealer.attenuate(secret, "owner", "write"), read: await sealer.attenuate(secret, "owner", "read") };
  const keysOf = {
    owner: await sealer.keys(doc, "owner", secretOf.owner, genesis),
    write: await sealer.keys(doc, "write", secretOf.write, genesis),
    read: await sealer.keys(doc, "read", secretOf.read, genesis),
  };
  return { doc, genesis, secretOf, keysOf, session: await keysOf.write.newSession() };
};

/** A session that seals what no other one would: content in any place, also where nobody can open it. */
export const newWriter = async (doc: string, rights: Rights, secret: Uint8Array, genesis: Uint8Array) => {
  const ring = await unlock(doc, rights, secret, genesis);
  const { key, publicKey } = await newKeyPair();
  const session = await sessionOf(publicKey);
  const cert = await certify(ring, ring.write!, publicKey);
  const there = await sealer.create();
  const { cipher } = await unlock(there.doc, "owner", there.secret, there.genesis);
  /** `garbled`: signed like any other, and encrypted with the key of another document. `first`, `end`: of a pack, the first of its places and the hash of the last. */
  const seal = (seq: number, prev: Uint8Array, plain: Uint8Array, how: { readonly garbled?: boolean; readonly first?: number; readonly end?: Uint8Array } = {}): Promise<Uint8Array> => {
    const { garbled = false, first = seq, end } = how;
    const kind = end === undefined ? Kind.update : Kind.pack;
    return sealEnvelope(garbled ? { ...ring, cipher } : ring, key, { kind, session, seq, prev, salt: crypto.getRandomValues(new Uint8Array(4)) }, plain, end === undefined ? undefined : packClear(first, end));
  };
  return { session, cert, seal };
};

/** A run of a session from its beginning. */
export const sealRun = async (keys: DocKeys, session: SessionKeys, contents: ReadonlyArray<readonly [Kind, Uint8Array]>): Promise<Uint8Array[]> => {
  const run: Uint8Array[] = [];
  let prev = await sealer.sha256(session.cert);
  for (const [seq, [kind, plain]] of contents.entries()) {
    const about = { snapshot: prev, verdict: (seq % 2) as Verdict };
    const sealed = await (kind === Kind.attest ? keys.sealAttest(session, seq, prev, about, plain) : keys.seal(session, kind, seq, prev, plain));
    run.push(sealed.bytes);
    prev = sealed.hash;
  }
  return run;
};
