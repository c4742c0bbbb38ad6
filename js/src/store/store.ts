// What a device store must offer. Types only. Two of them make the two whole copies (OPFS or a directory, and IndexedDB).
//
// Must: a promise of a method that ends in "durable" resolves only when the bytes would survive a SIGKILL of the browser.
// Must: a torn or foreign record is cut or skipped with a report, never thrown on, and never appended over.
// Must: every failure is a StoreError with one of its codes.

import type { DocId, HeadRecord, Rights, SessionId } from "../protocol.ts";

/** One sealed envelope with where it belongs. The bytes are the whole envelope, header to signature. */
export interface StoredEnvelope {
  readonly session: SessionId;
  readonly seq: number;
  readonly bytes: Uint8Array;
}

/** What a document is on this device, apart from its content: written once at create or join. */
export interface StoredSecret {
  readonly doc: DocId;
  readonly type: string;
  readonly rights: Rights;
  /** The raw link secret (32 bytes): a writer must be able to give the link again. */
  readonly secret: Uint8Array;
  /** 113 bytes, or null while a joined document has not met its relay. */
  readonly genesis: Uint8Array | null;
  /** Relay hint of the link, if it had one. */
  readonly relayHint: string | null;
}

/** Up to where somebody says that he has a session: the last sequence number and its hash (32 bytes; what is not known of it is zero). */
export interface Claim {
  readonly session: SessionId;
  readonly seq: number;
  readonly hash: Uint8Array;
}

/** How far a session's envelopes are covered. */
export interface SessionHead extends Claim {
  /** The session certificate (96 bytes). */
  readonly cert: Uint8Array;
}

/** A checkpoint: the core's file and what it covers. */
export interface StoredSnapshot {
  /** Rises by one with each checkpoint of a document. */
  readonly generation: number;
  readonly file: Uint8Array;
  readonly covers: readonly SessionHead[];
  /** What snapshots of others that are in the file say they cover, beyond `covers`. */
  readonly claims: readonly Claim[];
}

/** Of a session: the proof that it signed two histories, nothing more of it is taken. Of the owner (statements.ts): as which document this one goes on (docs/ENVELOPE.md). */
export interface StoredStatement {
  readonly session: SessionId;
  readonly bytes: Uint8Array;
}

/** How far one relay is known to have us. */
export interface RelayMark {
  readonly relay: string;
  readonly store: string;
  /** Opaque cursor up to which everything is stored here. */
  readonly cursor: number;
  /** Bytes of the envelope that stands there, 0 where that is not known. */
  readonly last: number;
  /** Bytes of its log since its last snapshot, and the size of that. */
  readonly tail: number;
  readonly snapshot: number;
  /** Per session, the last envelope the relay acknowledged. */
  readonly known: ReadonlyArray<{ readonly session: SessionId; readonly seq: number }>;
}

export interface StoredDoc {
  readonly secret: StoredSecret;
  /** The newest one. */
  readonly snapshot: StoredSnapshot | null;
  /**
   * Snapshots that cover what `snapshot` does not, none covered by another: lives that saw different stores each made their own. Mostly
   * none. The next checkpoint must merge them.
   */
  readonly besides: readonly StoredSnapshot[];
  /** Envelopes not covered by any of the snapshots, in stored order; duplicates possible. */
  readonly envelopes: readonly StoredEnvelope[];
  /** Certificates (96 bytes) of sessions met so far. */
  readonly certs: ReadonlyArray<{ readonly session: SessionId; readonly cert: Uint8Array }>;
  readonly marks: readonly RelayMark[];
  /** At most one of each session, and of the owner. */
  readonly statements: readonly StoredStatement[];
}

export type StoreCode = "quota" | "storage-lost" | "evicted" | "blocked" | "newer-format";
export interface StoreErrorShape extends Error {
  readonly code: StoreCode;
  readonly hint: string;
}

export interface DeviceStore {
  readonly kind: "opfs" | "directory" | "indexeddb";
  /** Opens or creates; again after a method rejected with "evicted". `fresh` is true when no marker of an earlier life was found. */
  open(): Promise<{ readonly fresh: boolean }>;
  /** Every document's secret and head: what the list needs, and what rebuilds the other store. */
  list(): Promise<ReadonlyArray<{ readonly secret: StoredSecret; readonly head: HeadRecord | null }>>;
  load(doc: DocId): Promise<StoredDoc | null>;
  /** Durable. Adds or replaces the secret. */
  putSecret(secret: StoredSecret): Promise<void>;
  /**
   * Durable. One call is one record: everything since the last flush in one value. `writer` is the session of the vault that writes.
   * "storage-lost" for a document whose secret is not there: what nobody could open again is not saved.
   */
  append(doc: DocId, writer: SessionId, envelopes: readonly StoredEnvelope[], certs: StoredDoc["certs"]): Promise<void>;
  /**
   * Durable. Keeps this generation and what was the document before it: the generation below, and what that one does not cover. Then drops
   * records that both cover whole, so that either with the records left is everything (`writer`'s own records and those of ended writers only).
   */
  checkpoint(doc: DocId, writer: SessionId, snapshot: StoredSnapshot): Promise<void>;
  /** Durable. Adds the statement, or replaces the session's. */
  putStatement(doc: DocId, statement: StoredStatement): Promise<void>;
  /** Best effort. */
  putHead(head: HeadRecord): Promise<void>;
  putMark(doc: DocId, mark: RelayMark): Promise<void>;
  /** Of which the last `list` found something, but no record of a key, not even a torn one. */
  strays(): Promise<readonly DocId[]>;
  /** Durable. Removes every trace of the document. */
  forget(doc: DocId): Promise<void>;
  /** The writer is done with this document (closed, or its session ended): others may drop its covered records from now on. */
  release(doc: DocId, writer: SessionId): Promise<void>;
  close(): Promise<void>;
}

/** Something that happened to a store, said once. `recovered`: nothing is missing, because the other store had it. */
export interface StoreProblem {
  readonly code: StoreCode;
  readonly message: string;
  readonly hint: string;
  readonly store: DeviceStore["kind"];
  readonly doc?: DocId;
  readonly recovered: boolean;
}

/** What to keep in the place of what is there. */
export type Merge = (has: StoredSecret | null) => StoredSecret | Promise<StoredSecret>;

/**
 * The device copy: one or two stores written as one (copies.ts: `openCopies(name, options)`).
 *
 * Must: a durable method resolves when every store that takes part has the bytes, or at least one has them and each failure was
 * reported and lowered `copies`. It rejects with a StoreError only when no store has them.
 * Must: what one store lost comes back from the other, in the background, without being asked.
 */
export interface Copies {
  /** Stores that hold everything acknowledged so far. 0: nothing can be saved on this device. */
  readonly copies: 0 | 1 | 2;
  /** The same for one document. */
  copiesOf(doc: DocId): 0 | 1 | 2;
  /** Stores that this browser offers, whether they work right now or not. */
  readonly offered: ReadonlyArray<DeviceStore["kind"]>;
  /** No store knew of an earlier life: a new device (or one where everything was wiped). */
  readonly fresh: boolean;
  /** Union of the stores. */
  list(): ReturnType<DeviceStore["list"]>;
  /** Union of the stores: the snapshots that cover everything, and each envelope that they do not cover, once. */
  load(doc: DocId): Promise<StoredDoc | null>;
  /**
   * Nothing is lowered: what is kept, and given back, is what `merge` makes of the one that is there; or else the one with more rights, and
   * whichever genesis is known.
   */
  putSecret(secret: StoredSecret, merge?: Merge): Promise<{ readonly copies: 0 | 1 | 2; readonly secret: StoredSecret }>;
  /** Runs alone on what is stored of a document, over all tabs: repairs, checkpoints, keys and forgetting do not see each other's half. None of them from inside. */
  locked<T>(doc: DocId, run: () => Promise<T>): Promise<T>;
  append(doc: DocId, writer: SessionId, envelopes: readonly StoredEnvelope[], certs: StoredDoc["certs"]): Promise<{ readonly copies: 0 | 1 | 2 }>;
  checkpoint(doc: DocId, writer: SessionId, snapshot: StoredSnapshot): Promise<{ readonly copies: 0 | 1 | 2 }>;
  /** An empty one takes the place of none. */
  putStatement(doc: DocId, statement: StoredStatement): Promise<{ readonly copies: 0 | 1 | 2 }>;
  /** Best effort, never rejects. */
  putHead(head: HeadRecord): Promise<void>;
  /** Best effort, never rejects. A store that lacks envelopes of this document does not get the mark. */
  putMark(doc: DocId, mark: RelayMark): Promise<void>;
  /** Rejects unless every offered store dropped it: a half-forgotten document would come back. */
  forget(doc: DocId): Promise<void>;
  release(doc: DocId, writer: SessionId): Promise<void>;
  /** Resolves when no repair of one store from the other is running. */
  settled(): Promise<void>;
  close(): Promise<void>;
}

/** What `openCopies` takes beside the name of the home. */
export interface CopiesOptions {
  /** The stores to write; the ones this browser offers (`chooseStores`) when absent. In Node: `[directoryStore(path)]`. */
  readonly stores?: readonly DeviceStore[];
  /** Hears every problem, also the recovered ones. Must not throw. */
  readonly onProblem?: (problem: StoreProblem) => void;
  /** Hears `copies` whenever it changes, until `close`. Must not throw. */
  readonly onCopies?: (copies: 0 | 1 | 2) => void;
  /** Between the tabs that write the same stores; the browser's own when absent, none where it has none. */
  readonly locks?: Pick<LockManager, "request">;
  /** Milliseconds; spaces the attempts to bring a failed store back. `performance.now` when absent. */
  readonly now?: () => number;
}
