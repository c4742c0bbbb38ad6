// What the vault needs from cryptography. Types only; `seal.ts` implements them on WebCrypto, tests may put a transparent one in its place.

import type { DocId, Rights, SessionId } from "../protocol.ts";

/** Envelope kinds of suite 1 (docs/ENVELOPE.md). */
export const Kind = { update: 0, snapshot: 1, ephemeral: 2, sessionInfo: 3, attest: 4, auth: 5, pack: 6 } as const;
export type Kind = (typeof Kind)[keyof typeof Kind];

/** What an attest says about a snapshot. */
export const Verdict = { sound: 0, objection: 1 } as const;
export type Verdict = (typeof Verdict)[keyof typeof Verdict];

/** Most sessions of which one content may name the last envelope. */
export const MAX_HEADS: number = 1 << 16;

/** A writing session's key pair; the private key lives only in memory. */
export interface SessionKeys {
  readonly session: SessionId;
  /** 96 bytes: session public key 32 ‖ signature by the document's write key 64. */
  readonly cert: Uint8Array;
}

/** An envelope's fixed header, read without any key. */
export interface EnvelopeHeader {
  readonly kind: Kind;
  readonly session: SessionId;
  readonly seq: number;
  /** Hash of the envelope before it in its session; for seq 0, of the certificate. */
  readonly prev: Uint8Array;
}

/** What an envelope says in clear behind its header. */
export interface EnvelopeClear {
  /** The first seq that it stands for: its own, unless it is a pack. */
  readonly first: number;
  /** Of a pack: the hash of its last envelope, which the session's next names. Null otherwise: the hash is that of its bytes. */
  readonly end: Uint8Array | null;
  /** What an attest speaks about and says. */
  readonly about: { readonly snapshot: Uint8Array; readonly verdict: Verdict } | null;
}

/** Another session's envelope that this one was written after. */
export interface Dep {
  readonly session: SessionId;
  readonly seq: number;
  /** First 16 bytes of its hash. */
  readonly hash: Uint8Array;
}

/** What is inside an update envelope. */
export interface UpdatePayload {
  readonly deps: readonly Dep[];
  /** The core's update bytes. */
  readonly update: Uint8Array;
}

/** What is inside a snapshot envelope. */
export interface SnapshotPayload {
  /** Hash of the snapshot envelope before it, or 32 zero bytes. */
  readonly parent: Uint8Array;
  /** Heads that the file covers. */
  readonly covers: readonly Dep[];
  /** The core's state digest (16 bytes). */
  readonly digest: Uint8Array;
  readonly file: Uint8Array;
}

/** What is inside presence. */
export interface PresencePayload {
  /** The last envelope of every session that the writer has. */
  readonly heads: readonly Dep[];
  readonly state: Uint8Array;
}

/** The hashes of as many envelopes of a run as verify, and why the next one does not; null when all do. */
export interface Beginning {
  readonly hashes: readonly Uint8Array[];
  readonly reason: unknown;
}

/** The keys of one document, as far as the link's rights reach. */
export interface DocKeys {
  readonly doc: DocId;
  readonly rights: Rights;
  /** 113 bytes, public. */
  readonly genesis: Uint8Array;
  /** A fresh key pair with its certificate. FreeholdError("read-only") without write rights. */
  newSession(): Promise<SessionKeys>;
  /** Must be called for seq 0, 1, 2 … in order, each once: a failed store or send repeats the sealed bytes, never the sealing ("invalid" otherwise). */
  seal(keys: SessionKeys, kind: Kind, seq: number, prev: Uint8Array, plain: Uint8Array): Promise<{ readonly bytes: Uint8Array; readonly hash: Uint8Array }>;
  /** As seal, an attest: `plain` is a note, why somebody objects. */
  sealAttest(keys: SessionKeys, seq: number, prev: Uint8Array, about: { readonly snapshot: Uint8Array; readonly verdict: Verdict }, plain: Uint8Array): Promise<{ readonly bytes: Uint8Array; readonly hash: Uint8Array }>;
  /** The session's updates `first` to `last` in one envelope; `prev` is that of the first, `end` the hash of the last. Packs end one behind the other ("invalid" otherwise). */
  sealPack(keys: SessionKeys, first: number, last: number, prev: Uint8Array, end: Uint8Array, plain: Uint8Array): Promise<Uint8Array>;
  /** Presence, outside the chain, in a lane with seqs of its own. `head`: hash of the session's last envelope, or of its certificate. */
  sealEphemeral(keys: SessionKeys, head: Uint8Array, plain: Uint8Array): Promise<Uint8Array>;
  /** Checks that the session of this certificate wrote the presence, and decrypts it. FreeholdError("relay-invalid" | "newer-format"). */
  openEphemeral(cert: Uint8Array, envelope: Uint8Array): Promise<Uint8Array>;
  /** 64 bytes: the relay (its host, with a port if it has one) is to delete the document. FreeholdError("read-only") below owner. */
  deletion(relay: string): Promise<Uint8Array>;
  /** 84 bytes: the document goes on as another one. FreeholdError("read-only") below owner. */
  successor(doc: DocId): Promise<Uint8Array>;
  /** The successor that the owner named. FreeholdError("relay-invalid"). */
  verifySuccessor(statement: Uint8Array): Promise<DocId>;
  /** Checks certificate, chain and the last signature of a run of one session's consecutive envelopes. `prev`: hash before the first, or null when unknown; that the first seq is the next one is for the caller to check. A bad signature of an envelope that a later one may still vouch for is a reason to wait, not to condemn it. Rejects with FreeholdError("relay-invalid" | "newer-format"). */
  verifyRun(cert: Uint8Array, prev: Uint8Array | null, envelopes: readonly Uint8Array[]): Promise<{ readonly hashes: readonly Uint8Array[] }>;
  /** As verifyRun, for as much of the run as verifies. Rejects only when the certificate is bad. */
  verifyBeginning(cert: Uint8Array, prev: Uint8Array | null, envelopes: readonly Uint8Array[]): Promise<Beginning>;
  /** The proof that envelopes of a session contradict those that are here (fork.ts); null when they do not, or one of the two is not signed. */
  proveFork(cert: Uint8Array, here: readonly Uint8Array[], came: readonly Uint8Array[]): Promise<Uint8Array | null>;
  /** Decrypts one envelope (does not verify its signature). FreeholdError("relay-invalid" | "newer-format"); a wrong key was found by `keys`. */
  open(envelope: Uint8Array): Promise<Uint8Array>;
}

/** The right to download a document's ciphertext. `relay`: the host, with a port if it has one, under which the relay is reached. */
export interface Fetcher {
  /** 64 bytes: the answer to a relay's challenge of 32. */
  prove(relay: string, nonce: Uint8Array): Promise<Uint8Array>;
  /** For plain HTTP, until `expiry` (Unix seconds), which a relay takes for at most an hour. */
  token(relay: string, expiry: number): Promise<string>;
}

export interface ParsedLink {
  readonly doc: DocId;
  readonly rights: Rights;
  readonly secret: Uint8Array;
  readonly relayHint: string | null;
}

export interface Sealer {
  /** A new document: owner secret, genesis, id. */
  create(): Promise<{ readonly doc: DocId; readonly secret: Uint8Array; readonly genesis: Uint8Array }>;
  /** Checks that `genesis` belongs to `doc` ("relay-invalid" if not, "newer-format" for a later suite) and to the secret ("wrong-key" if not). */
  keys(doc: DocId, rights: Rights, secret: Uint8Array, genesis: Uint8Array): Promise<DocKeys>;
  /** The right to download; a link is enough. */
  fetcher(doc: DocId, rights: Rights, secret: Uint8Array): Promise<Fetcher>;
  /** The secret of a lower right. FreeholdError("read-only") when asked to climb. */
  attenuate(secret: Uint8Array, from: Rights, to: Rights): Promise<Uint8Array>;
  /** The fragment after `#`: `1w.<doc>.<secret>.<check>[.<relay>]`. The relay hint is a host, perhaps with a port ("invalid" if not). */
  formatLink(link: ParsedLink): Promise<string>;
  /** Accepts a URL or a bare fragment. FreeholdError("bad-link") with a hint that says what is wrong, or "newer-format". */
  parseLink(link: string): Promise<ParsedLink>;
  header(envelope: Uint8Array): EnvelopeHeader;
  /** Of a chained envelope. FreeholdError("relay-invalid" | "newer-format"). */
  clear(envelope: Uint8Array): EnvelopeClear;
  encodeUpdate(p: UpdatePayload): Uint8Array;
  decodeUpdate(b: Uint8Array): UpdatePayload;
  encodeSnapshot(p: SnapshotPayload): Uint8Array;
  decodeSnapshot(b: Uint8Array): SnapshotPayload;
  encodeNote(text: string): Uint8Array;
  decodeNote(b: Uint8Array): string;
  encodePresence(p: PresencePayload): Uint8Array;
  decodePresence(b: Uint8Array): PresencePayload;
  /** The contents of the updates that a pack stands for. */
  encodePack(contents: readonly Uint8Array[]): Uint8Array;
  decodePack(b: Uint8Array): readonly Uint8Array[];
  sha256(b: Uint8Array): Promise<Uint8Array>;
}
