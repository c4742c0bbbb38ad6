// The Sealer on WebCrypto: works in pages, workers, service workers and Node. Go's twin is internal/seal; testdata/seal holds both to the same bytes.

import { FreeholdError } from "../errors.ts";
import type { DocId, Rights } from "../protocol.ts";
import {
  decodeNote, decodePack, decodePresence, decodeSnapshot, decodeUpdate, encodeNote, encodePack, encodePresence, encodeSnapshot, encodeUpdate,
} from "./content.ts";
import { KEY_SIZE, newKeyPair } from "./ed25519.ts";
import { attestClear, attested, clearSize, firstOf, packClear, packEnd, parseEnvelope, parseHeader, SALT_SIZE } from "./envelope.ts";
import { proveFork } from "./fork.ts";
import { random, sha256 } from "./hkdf.ts";
import { attenuate, docIdOf, isTakenEverywhere, makeGenesis, unlock } from "./keys.ts";
import { formatLink, parseLink } from "./link.ts";
import { equal, recent } from "./octets.ts";
import type { Certificate } from "./run.ts";
import { certify, openEnvelope, openEphemeral, sealEnvelope, sessionOf, verifyBeginning, verifyCertificate, verifyEphemeral, verifyRun } from "./run.ts";
import { Kind, type DocKeys, type Sealer, type SessionKeys } from "./sealer.ts";
import { deletion, fetcher, successor, verifySuccessor } from "./statement.ts";

/** The secret half of a session, reachable only through the SessionKeys it belongs to. */
interface Writer {
  readonly key: CryptoKey;
  /** The only seq that may be sealed next. */
  next: number;
  /** The same of presence, which has a lane and a key of its own. */
  nextEphemeral: number;
  /** The seq behind the last pack: two packs of one seq could meet in a nonce. */
  packed: number;
}

/** More sessions than are at work at once in one document; older certificates are verified again when needed. */
const CERTIFICATES_KEPT = 256;

const writerOf = new WeakMap<SessionKeys, Writer>();

const misuse = (message: string, hint: string): FreeholdError => new FreeholdError("invalid", message, hint);

const keys = async (doc: DocId, rights: Rights, secret: Uint8Array, genesis: Uint8Array): Promise<DocKeys> => {
  const ring = await unlock(doc, rights, secret, genesis);
  const certBySession = recent<Certificate>(CERTIFICATES_KEPT);

  const certificate = async (bytes: Uint8Array): Promise<Certificate> => {
    const session = await sessionOf(bytes.subarray(0, KEY_SIZE));
    const known = certBySession.get(session);
    if (known !== undefined && equal(known.bytes, bytes)) return known;
    const fresh = await verifyCertificate(ring, bytes);
    certBySession.set(session, fresh);
    return fresh;
  };

  const writerFor = (session: SessionKeys): Writer => {
    const writer = writerOf.get(session);
    if (writer === undefined) throw misuse("This session's key is gone.", "A session ends with its runtime: begin a new one.");
    return writer;
  };

  /** The next envelope of the chain. Two of one seq would be a fork, and could meet in a nonce. */
  const sealNext = async (session: SessionKeys, kind: Kind, seq: number, prev: Uint8Array, plain: Uint8Array, clear?: Uint8Array): Promise<{ readonly bytes: Uint8Array; readonly hash: Uint8Array }> => {
    const writer = writerFor(session);
    if (kind === Kind.ephemeral || (clear?.length ?? 0) !== clearSize(kind)) throw misuse(`Kind ${kind} is not sealed like this.`, "This is a mistake in the program that calls Freehold.");
    if (seq !== writer.next) throw misuse(`Envelope ${seq} cannot be sealed: the next of this session is ${writer.next}.`, "Send again the bytes that were sealed.");
    writer.next = seq + 1;
    try {
      const bytes = await sealEnvelope(ring, writer.key, { kind, session: session.session, seq, prev, salt: random(SALT_SIZE) }, plain, clear);
      return { bytes, hash: await sha256(bytes) };
    } catch (cause) {
      writer.next = seq; // nothing was given out
      throw cause;
    }
  };

  return {
    doc,
    rights,
    genesis: genesis.slice(),

    newSession: async () => {
      if (ring.write === null) throw new FreeholdError("read-only", "This link may only read.", "Ask for a write link.", { doc });
      const { key, publicKey } = await newKeyPair();
      const session: SessionKeys = { session: await sessionOf(publicKey), cert: await certify(ring, ring.write, publicKey) };
      writerOf.set(session, { key, next: 0, nextEphemeral: 0, packed: 0 });
      return session;
    },

    seal: (session, kind, seq, prev, plain) => sealNext(session, kind, seq, prev, plain),
    sealAttest: (session, seq, prev, about, plain) => sealNext(session, Kind.attest, seq, prev, plain, attestClear(about.snapshot, about.verdict)),

    sealPack: async (session, first, last, prev, end, plain) => {
      const writer = writerFor(session);
      if (first >= last || last >= writer.next || last < writer.packed) throw misuse(`Envelopes ${first} to ${last} cannot be packed: ${writer.next} are sealed, ${writer.packed} packed.`, "Pack what is sealed, each time up to a later envelope.");
      writer.packed = last + 1;
      return sealEnvelope(ring, writer.key, { kind: Kind.pack, session: session.session, seq: last, prev, salt: random(SALT_SIZE) }, plain, packClear(first, end));
    },

    sealEphemeral: async (session, head, plain) => {
      const writer = writerFor(session);
      const seq = writer.nextEphemeral++;
      return sealEnvelope(ring, writer.key, { kind: Kind.ephemeral, session: session.session, seq, prev: head, salt: random(SALT_SIZE) }, plain);
    },

    openEphemeral: async (cert, envelope) => {
      await verifyEphemeral(ring, await certificate(cert), envelope);
      return openEphemeral(ring, envelope);
    },

    deletion: async (relay) => deletion(ring, relay),
    successor: (next) => successor(ring, next),
    verifySuccessor: (statement) => verifySuccessor(ring, statement),

    verifyRun: async (cert, prev, envelopes) => ({ hashes: await verifyRun(ring, await certificate(cert), prev, envelopes) }),
    verifyBeginning: async (cert, prev, envelopes) => verifyBeginning(ring, await certificate(cert), prev, envelopes),

    proveFork: async (cert, here, came) => proveFork(ring, genesis, await certificate(cert), here, came, (e) => openEnvelope(ring, e)),
    open: (envelope) => openEnvelope(ring, envelope),
  };
};

export const sealer: Sealer = {
  create: async () => {
    let secret = random(KEY_SIZE);
    while (!(await isTakenEverywhere(secret))) secret = random(KEY_SIZE);
    const genesis = await makeGenesis(secret);
    return { doc: docIdOf(await sha256(genesis)), secret, genesis };
  },
  keys,
  fetcher,
  attenuate,
  formatLink,
  parseLink,
  header: parseHeader,
  clear: (bytes) => {
    const e = parseEnvelope(bytes);
    return { first: firstOf(e), end: packEnd(e), about: e.kind === Kind.attest ? attested(e) : null };
  },
  encodeUpdate,
  decodeUpdate,
  encodeSnapshot,
  decodeSnapshot,
  encodeNote,
  decodeNote,
  encodePresence,
  decodePresence,
  encodePack,
  decodePack,
  sha256,
};
