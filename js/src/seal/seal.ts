// The Sealer on WebCrypto: works in pages, workers, service workers and Node. Go's twin is internal/seal; testdata/seal holds both to the same bytes.

import { FreeholdError } from "../errors.ts";
import type { DocId, Rights } from "../protocol.ts";
import { decodeSnapshot, decodeUpdate, encodeSnapshot, encodeUpdate } from "./content.ts";
import { KEY_SIZE, newKeyPair } from "./ed25519.ts";
import { parseHeader, SALT_SIZE } from "./envelope.ts";
import { random, sha256 } from "./hkdf.ts";
import { attenuate, docIdOf, makeGenesis, unlock } from "./keys.ts";
import { formatLink, parseLink } from "./link.ts";
import { equal, recent } from "./octets.ts";
import type { Certificate } from "./run.ts";
import { certify, openEnvelope, sealEnvelope, sessionOf, verifyBeginning, verifyCertificate, verifyRun } from "./run.ts";
import type { DocKeys, Sealer, SessionKeys } from "./sealer.ts";

/** The secret half of a session, reachable only through the SessionKeys it belongs to. */
interface Writer {
  readonly key: CryptoKey;
  /** The only seq that may be sealed next. */
  next: number;
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

  return {
    doc,
    rights,
    genesis: genesis.slice(),

    newSession: async () => {
      if (ring.write === null) throw new FreeholdError("read-only", "This link may only read.", "Ask for a write link.", { doc });
      const { key, publicKey } = await newKeyPair();
      const session: SessionKeys = { session: await sessionOf(publicKey), cert: await certify(ring, ring.write, publicKey) };
      writerOf.set(session, { key, next: 0 });
      return session;
    },

    seal: async (session, kind, seq, prev, plain) => {
      const writer = writerOf.get(session);
      if (writer === undefined) throw misuse("This session's key is gone.", "A session ends with its runtime: begin a new one.");
      // Two envelopes of one seq would be a fork, and could meet in a nonce.
      if (seq !== writer.next) throw misuse(`Envelope ${seq} cannot be sealed: the next of this session is ${writer.next}.`, "Send again the bytes that were sealed.");
      writer.next = seq + 1;
      try {
        const bytes = await sealEnvelope(ring, writer.key, { kind, session: session.session, seq, prev, salt: random(SALT_SIZE) }, plain);
        return { bytes, hash: await sha256(bytes) };
      } catch (cause) {
        writer.next = seq; // nothing was given out
        throw cause;
      }
    },

    verifyRun: async (cert, prev, envelopes) => ({ hashes: await verifyRun(ring, await certificate(cert), prev, envelopes) }),
    verifyBeginning: async (cert, prev, envelopes) => verifyBeginning(ring, await certificate(cert), prev, envelopes),

    open: (envelope) => openEnvelope(ring, envelope),
  };
};

export const sealer: Sealer = {
  create: async () => {
    const secret = random(KEY_SIZE);
    const genesis = await makeGenesis(secret);
    return { doc: docIdOf(await sha256(genesis)), secret, genesis };
  },
  keys,
  attenuate,
  formatLink,
  parseLink,
  header: parseHeader,
  encodeUpdate,
  decodeUpdate,
  encodeSnapshot,
  decodeSnapshot,
  sha256,
};
