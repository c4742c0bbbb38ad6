// Messages between a page and its vault. Types, no behaviour.
//
// The vault is a dedicated worker (or, where none can start, the same module in the page; in Node, the same thread).
// A page holds the core and the views; the vault holds stores, keys and sockets. Bytes are transferred, never shared.

/** A document id: 32 lower-case base32 characters. */
export type DocId = string;
/** A session id: 22 base64url characters (16 bytes). */
export type SessionId = string;

/** An update of one session, as the core encodes it (plain, never leaves the device unsealed). */
export interface SessionUpdate {
  readonly session: SessionId;
  readonly bytes: Uint8Array;
}

export type Level = "memory" | "device" | "relay" | "peer";
export type RelayState = "none" | "offline" | "connecting" | "live";
export type Rights = "read" | "write" | "owner";

/** An error as data: the page makes a FreeholdError of it. */
export interface Problem {
  readonly code: string;
  readonly message: string;
  readonly hint: string;
  readonly doc?: DocId;
}

/** What the list of documents shows without opening one. */
export interface HeadRecord {
  readonly id: DocId;
  readonly type: string;
  /** The plain JSON view at `changed`. */
  readonly head: unknown;
  /** Milliseconds since the epoch. */
  readonly changed: number;
  readonly rights: Rights;
}

/** The type of the document that lists a home's documents (homedoc.ts). */
export const HOME_TYPE = "freehold.home";

/** The vault's half of a document's status. Operations are counted by the sequence number of this page's own session. */
export interface VaultStatus {
  readonly content: "waiting" | "partial" | "complete";
  /** Own operations up to (not including) this sequence number are on the device / on the relay / seen by another device. */
  readonly device: number;
  readonly relay: number;
  readonly peer: number;
  /** Sealed envelopes (all sessions of this device) that the relay has not acknowledged. */
  readonly unsent: number;
  readonly relayState: RelayState;
  readonly copies: 0 | 1 | 2;
  /** Sessions on other devices that have the document open, and how many of them have our newest envelope. */
  readonly peers: number;
  readonly seen: number;
  /** The document as which it goes on, as the owner said. */
  readonly successor: DocId | null;
  readonly problem: Problem | null;
}

/** A request; every request is answered by exactly one `reply` with the same id. */
export type Request =
  | { readonly op: "start"; readonly name: string; readonly relays: readonly string[]; /** True unless told: see FreeholdOptions. */ readonly syncAll?: boolean | undefined }
  | { readonly op: "create"; readonly type: string }
  | { readonly op: "open"; readonly doc: DocId; readonly type: string }
  /** Keeps what a link gives; `open` follows. */
  | { readonly op: "join"; readonly link: string; readonly type: string }
  /** Own operations [from, to) drained from the core. Answered when they are durable on the device; the page sends the next one then. */
  | { readonly op: "update"; readonly doc: DocId; readonly session: SessionId; readonly from: number; readonly to: number; readonly bytes: Uint8Array }
  /** The plain JSON view for the list; best effort, last one wins. */
  | { readonly op: "head"; readonly doc: DocId; readonly head: unknown; readonly changed: number }
  /** What this page says of itself to whoever has the document open, in bytes of the page's own; last one wins. Empty: it is going. */
  | { readonly op: "presence"; readonly doc: DocId; readonly state: Uint8Array }
  | { readonly op: "link"; readonly doc: DocId; readonly rights: Rights }
  /** Of sessions of the document that signed two histories. */
  | { readonly op: "proofs"; readonly doc: DocId }
  | { readonly op: "forget"; readonly doc: DocId }
  /** By the owner's signature, on every relay. What is on this device stays until `forget`. */
  | { readonly op: "delete"; readonly doc: DocId }
  /** Says, by the owner's signature, that an open document goes on as another one of this device. On this device at once, on each relay when it is reached. */
  | { readonly op: "succeed"; readonly doc: DocId; readonly by: DocId }
  | { readonly op: "close"; readonly doc: DocId }
  | { readonly op: "relays"; readonly relays: readonly string[] }
  | { readonly op: "pause" }
  | { readonly op: "resume" }
  | { readonly op: "stop" };

/** What each request is answered with. */
export interface Replies {
  start: { readonly heads: readonly HeadRecord[]; readonly copies: 0 | 1 | 2; readonly persisted: boolean };
  create: Opened;
  open: Opened;
  /** `reopen`: the page has it open by a key that could not write, and the link's is better: it counts once the document was closed and opened. */
  join: { readonly doc: DocId; readonly reopen: boolean };
  update: { readonly copies: 0 | 1 | 2 };
  presence: null;
  head: null;
  link: { readonly link: string };
  proofs: { readonly proofs: readonly Uint8Array[] };
  forget: null;
  delete: null;
  succeed: null;
  close: null;
  relays: null;
  pause: null;
  resume: null;
  stop: null;
}

/** Everything a page needs to make a document editable. */
export interface Opened {
  readonly doc: DocId;
  readonly rights: Rights;
  /** The writing session of this page for this document; fresh for every open, never reused. Empty when this page cannot write
   *  (yet): the link only reads, or the document was joined and has not met its relay. A `session` message follows in that case. */
  readonly session: SessionId;
  /** The newest snapshot file of the core, or null for a new document. */
  readonly snapshot: Uint8Array | null;
  /** Updates after that snapshot, in an order in which they apply. */
  readonly updates: readonly SessionUpdate[];
  readonly status: VaultStatus;
}

/** Page to vault. */
export interface ToVault {
  readonly id: number;
  readonly request: Request;
}

/** Vault to page. */
export type FromVault =
  | { readonly kind: "reply"; readonly id: number; readonly reply: Replies[keyof Replies] }
  | { readonly kind: "error"; readonly id: number; readonly problem: Problem }
  /** Updates of other sessions, already durable here unless the store failed. */
  | { readonly kind: "updates"; readonly doc: DocId; readonly updates: readonly SessionUpdate[] }
  | { readonly kind: "snapshot"; readonly doc: DocId; readonly bytes: Uint8Array }
  /** A joined document met its relay: from here on the page may write, as this session. */
  | { readonly kind: "session"; readonly doc: DocId; readonly session: SessionId }
  | { readonly kind: "status"; readonly doc: DocId; readonly status: VaultStatus }
  /** The vault let go of an open document, and says nothing more about it. `not-found`: another tab forgot it. `core-restarted`: open it again. */
  | { readonly kind: "ended"; readonly doc: DocId; readonly problem: Problem }
  /** What another session says of itself. Null: it is gone. */
  | { readonly kind: "presence"; readonly doc: DocId; readonly session: SessionId; readonly state: Uint8Array | null }
  | { readonly kind: "heads"; readonly heads: readonly HeadRecord[] }
  /** Envelopes as the relay sees them, newest last; at most the last 64. */
  | { readonly kind: "sealed"; readonly doc: DocId; readonly envelopes: readonly Uint8Array[] }
  | { readonly kind: "problem"; readonly problem: Problem };

/** Beside the channel: a vault's worker asks its page for the core, and its page answers. A worker that loads parts of itself is more than some bundlers make. */
export const CORE_WANTED = "core";
export type CoreGiven = { readonly core: WebAssembly.Module } | { readonly failed: Problem };

/** Either end of the channel; a Worker, a MessagePort and an in-process pair all fit. */
export interface Port<Out, In> {
  post(message: Out, transfer?: Transferable[]): void;
  listen(receive: (message: In) => void): void;
  close(): void;
}
