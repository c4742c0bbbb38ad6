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

/** How far a session's envelopes are covered: the last sequence number and its hash (32 bytes). */
export interface SessionHead {
  readonly session: SessionId;
  readonly seq: number;
  readonly hash: Uint8Array;
  /** The session certificate (96 bytes). */
  readonly cert: Uint8Array;
}

/** A checkpoint: the core's file and what it covers. */
export interface StoredSnapshot {
  /** Rises by one with each checkpoint of a document. */
  readonly generation: number;
  readonly file: Uint8Array;
  readonly covers: readonly SessionHead[];
}

/** How far one relay is known to have us. */
export interface RelayMark {
  readonly relay: string;
  readonly storeId: string;
  /** Opaque cursor up to which everything is stored here. */
  readonly cursor: number;
  /** Per session, the last envelope the relay acknowledged. */
  readonly acked: ReadonlyArray<{ readonly session: SessionId; readonly seq: number }>;
}

export interface StoredDoc {
  readonly secret: StoredSecret;
  readonly snapshot: StoredSnapshot | null;
  /** Envelopes not covered by the snapshot, in stored order; duplicates possible. */
  readonly envelopes: readonly StoredEnvelope[];
  /** Certificates (96 bytes) of sessions met so far. */
  readonly certs: ReadonlyArray<{ readonly session: SessionId; readonly cert: Uint8Array }>;
  readonly marks: readonly RelayMark[];
}

export type StoreCode = "quota" | "storage-lost" | "evicted" | "blocked" | "newer-format";
export interface StoreErrorShape extends Error {
  readonly code: StoreCode;
  readonly hint: string;
}

export interface DeviceStore {
  readonly kind: "opfs" | "directory" | "indexeddb";
  /** Opens or creates. `fresh` is true when no marker of an earlier life was found. */
  open(): Promise<{ readonly fresh: boolean }>;
  /** Every document's secret and head: what the list needs, and what rebuilds the other store. */
  list(): Promise<ReadonlyArray<{ readonly secret: StoredSecret; readonly head: HeadRecord | null }>>;
  load(doc: DocId): Promise<StoredDoc | null>;
  /** Durable. Adds or replaces the secret. */
  putSecret(secret: StoredSecret): Promise<void>;
  /** Durable. One call is one record: everything since the last flush in one value. `writer` is the session of the vault that writes. */
  append(doc: DocId, writer: SessionId, envelopes: readonly StoredEnvelope[], certs: StoredDoc["certs"]): Promise<void>;
  /** Durable. Keeps this generation and the one before it; then drops records that this snapshot covers whole (`writer`'s own records and those of ended writers only). */
  checkpoint(doc: DocId, writer: SessionId, snapshot: StoredSnapshot): Promise<void>;
  /** Best effort. */
  putHead(head: HeadRecord): Promise<void>;
  putMark(doc: DocId, mark: RelayMark): Promise<void>;
  /** Durable. Removes every trace of the document. */
  forget(doc: DocId): Promise<void>;
  close(): Promise<void>;
}
