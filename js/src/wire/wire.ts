// The language between a device and a relay: frames in MessagePack. Specification: docs/PROTOCOL.md; twin of
// server/wire; both read the vectors in testdata/wire.
//
// Must: decodeFrame accepts exactly the shapes below and nothing else, whatever a relay sends.
// Must: bytes in a decoded frame are views into the received buffer, so that 16 MiB are not copied; a caller that
// keeps one beyond the turn copies it or owns the buffer.

import { FreeholdError } from "../errors.ts";
import { fromBase32, fromBase64url, toBase32, toBase64url } from "../ids.ts";
import type { DocId, SessionId } from "../protocol.ts";
import { decodeRow, encodeRow, type Cell } from "./row.ts";

/** What a WebSocket handshake asks for. */
export const SUBPROTOCOL = "freehold.1";

/** Content type of frames over HTTP. */
export const MEDIA_TYPE = "application/vnd.freehold.frame";

/** Header, tag and signature of an envelope. */
const OVERHEAD = 144;
const MAX_SNAPSHOT = (16 << 20) + (1 << 19) + OVERHEAD;

/** Sizes in bytes and counts, the same on every relay. */
export const limits: { readonly update: number; readonly snapshot: number; readonly frame: number; readonly run: number; readonly presence: number; readonly credit: number; readonly untaken: number } = {
  /** A whole update envelope: 1 MiB of payload, its padding and the overhead. */
  update: (1 << 20) + (1 << 15) + OVERHEAD,
  /** A whole snapshot envelope: 16 MiB likewise. */
  snapshot: MAX_SNAPSHOT,
  /** One snapshot and what stands around it. */
  frame: MAX_SNAPSHOT + (4 << 10),
  /** Envelopes in one append, entries in one batch. */
  run: 1024,
  /** Bytes after which a device says that it took them: a quarter of what a relay sends beyond that. */
  credit: 1 << 18,
  /** Bytes that a relay may have sent and a device not taken: two windows of 1 MiB, and a message beyond. */
  untaken: (2 << 20) + MAX_SNAPSHOT + (4 << 10),
  /** An ephemeral envelope. */
  presence: 4 << 10,
};

/** The padding floor is 32. */
const MIN_ENVELOPE = OVERHEAD + 32;
const MAX_TEXT = 512;
/** Sequence numbers and waits. */
const U32 = 0xffff_ffff;

/** Why a relay refused. Unknown codes of a newer relay are possible: treat them like "bad-frame". */
export type RelayCode =
  | "bad-frame" | "bad-envelope" | "too-large"
  | "bad-genesis" | "bad-certificate" | "bad-signature" | "bad-chain" | "fork" | "unproven"
  | "gone" | "no-room" | "no-session" | "gap" | "stale"
  | "quota" | "busy" | "storage" | "stopping" | "forbidden";

/** Subscribes to a document and says how far this device has it. */
export interface Hello {
  readonly type: "hello";
  readonly doc: DocId;
  /** 113 bytes, or null from a device that has only a link yet. */
  readonly genesis: Uint8Array | null;
  /** Last cursor stored here, 0 for none; counts only where `store` matches. */
  readonly since: number;
  /** The relay's store that `since` belongs to, 22 base64url characters, or null. */
  readonly store: string | null;
  /** 64 bytes: the answer to the connection's challenge, signed by the document's fetch key; or null. */
  readonly proof: Uint8Array | null;
}

/** Offers consecutive envelopes of one session: all are taken or none. */
export interface Append {
  readonly type: "append";
  readonly doc: DocId;
  /** Comes back in the ack or error. */
  readonly req: number;
  /** 96 bytes, or null when this relay has acknowledged an envelope of the session before. */
  readonly cert: Uint8Array | null;
  readonly envelopes: readonly Uint8Array[];
  /** Where the last envelope is a snapshot: what of the log it covers. */
  readonly covers: Covers | null;
}

/** A snapshot has everything in a store's log up to a cursor. */
export interface Covers { readonly store: string; readonly upTo: number }

/** Asks a relay to forget the document, in the owner's name. */
export interface Delete {
  readonly type: "delete";
  readonly doc: DocId;
  /** Comes back in the done or error. */
  readonly req: number;
  /** 64 bytes, the owner's statement. */
  readonly signature: Uint8Array;
}

/** Tells where the document goes on, in the owner's name. */
export interface Successor {
  readonly type: "successor";
  readonly doc: DocId;
  readonly req: number;
  /** 84 bytes, the owner's. */
  readonly statement: Uint8Array;
}

/** What a delete or successor asked is durable. */
export interface Done { readonly type: "done"; readonly doc: DocId; readonly req: number }

/** One ephemeral envelope, to the relay and from it; not stored. */
export interface Presence {
  readonly type: "presence";
  readonly doc: DocId;
  /** Comes back in an error, null from a relay. What was taken has no answer. */
  readonly req: number | null;
  /** 96 bytes; to a relay, null where it knows the session. */
  readonly cert: Uint8Array | null;
  readonly envelope: Uint8Array;
}

/** How much the device took of all that the relay said on a connection: bytes of messages, from the first. */
export interface Credit { readonly type: "credit"; readonly taken: number }

/** Asks which documents of a list have another last cursor at the relay than this device knows of. */
export interface Check {
  readonly type: "check";
  /** The list: a document that this connection has proved it may read. */
  readonly doc: DocId;
  /** Comes back in the answer or error. */
  readonly req: number;
  /** Documents that the relay did not list as members; `proof` as in hello. */
  readonly add: ReadonlyArray<{ readonly doc: DocId; readonly proof: Uint8Array }>;
  /** 128 bytes (sums.ts). */
  readonly sums: Uint8Array;
}

/** Answers check: `heads` are all members of `parts`, 16 bits; 0 where nothing is left of one. */
export interface Changed {
  readonly type: "changed";
  readonly doc: DocId;
  readonly req: number;
  readonly parts: number;
  readonly heads: ReadonlyArray<{ readonly doc: DocId; readonly cursor: number }>;
}

export interface Unsubscribe { readonly type: "unsubscribe"; readonly doc: DocId }
export interface Ping { readonly type: "ping" }

/** The first frame of a connection. Who wants to read a document signs the nonce. */
export interface Challenge {
  readonly type: "challenge";
  /** 32 bytes. */
  readonly nonce: Uint8Array;
  readonly store: string;
}

/** Answers hello, and comes again when the genesis or a successor becomes known. Batches follow. */
export interface Welcome {
  readonly type: "welcome";
  readonly doc: DocId;
  readonly store: string;
  /** Last cursor of the log, 0 while it is empty. */
  readonly head: number;
  /** Null while nobody has brought the document to this relay. */
  readonly genesis: Uint8Array | null;
  /** 84 bytes: the owner's statement where the document goes on, or null. */
  readonly successor: Uint8Array | null;
}

export interface Entry {
  readonly cursor: number;
  readonly envelope: Uint8Array;
  /** With each session's first envelope of a catching-up batch, and with a session's very first. */
  readonly cert: Uint8Array | null;
  /** Up to where a snapshot says that it covers this log, else 0. */
  readonly covers: number;
}

/** A stretch of the log. */
export interface Batch {
  readonly type: "batch";
  readonly doc: DocId;
  readonly entries: readonly Entry[];
  /** Resume from here once the entries are stored. Beyond the last entry where own envelopes were left out. */
  readonly upTo: number;
  /** The log goes on; another batch follows. */
  readonly more: boolean;
}

/** Bytes of its envelopes. */
export const weigh = (batch: Batch): number => batch.entries.reduce((n, e) => n + e.envelope.length, 0);

/** The append is on the relay's disk, up to and with `seq`. */
export interface Ack {
  readonly type: "ack";
  readonly doc: DocId;
  readonly req: number;
  readonly session: SessionId;
  readonly seq: number;
  readonly cursor: number;
}

export interface RelayError {
  readonly type: "error";
  readonly doc: DocId | null;
  readonly req: number | null;
  readonly code: RelayCode;
  readonly message: string;
  readonly hint: string;
  /** Milliseconds; 0: the same frame will be refused again. */
  readonly retryAfter: number;
  /** For "gap" and "stale": the sequence number to go on from. */
  readonly seq: number | null;
}

export interface Pong { readonly type: "pong" }

export type ClientFrame = Hello | Append | Unsubscribe | Ping | Delete | Successor | Presence | Credit | Check;
export type RelayFrame = Welcome | Batch | Ack | RelayError | Pong | Challenge | Done | Presence | Changed;
export type Frame = ClientFrame | RelayFrame;

/** The bytes of a frame. */
export const encodeFrame = (f: Frame): Uint8Array<ArrayBuffer> => encodeRow(toRow(f));

/** One frame, or FreeholdError("relay-invalid"). */
export const decodeFrame = (bytes: Uint8Array): Frame => {
  if (bytes.length > limits.frame) throw invalid();
  let value: Cell;
  try {
    value = decodeRow(bytes, limits.run, MAX_TEXT);
  } catch (cause) {
    throw invalid(cause);
  }
  if (!Array.isArray(value)) throw invalid();
  return fromRow(new Row(value));
};

const toRow = (f: Frame): readonly Cell[] => {
  switch (f.type) {
    case "hello": return [1, docToBytes(f.doc), f.genesis, f.since, f.store === null ? null : idToBytes(f.store), f.proof];
    case "append": return [2, docToBytes(f.doc), f.req, f.cert, f.envelopes, f.covers === null ? null : [idToBytes(f.covers.store), f.covers.upTo]];
    case "unsubscribe": return [3, docToBytes(f.doc)];
    case "ping": return [4];
    case "welcome": return [16, docToBytes(f.doc), idToBytes(f.store), f.head, f.genesis, f.successor];
    case "batch": return [17, docToBytes(f.doc), f.entries.map((e) => [e.cursor, e.envelope, e.cert, e.covers]), f.upTo, f.more];
    case "ack": return [18, docToBytes(f.doc), f.req, idToBytes(f.session), f.seq, f.cursor];
    case "error": return [19, f.doc === null ? null : docToBytes(f.doc), f.req, f.code, f.message, f.hint, f.retryAfter, f.seq];
    case "pong": return [20];
    case "challenge": return [21, f.nonce, idToBytes(f.store)];
    case "delete": return [5, docToBytes(f.doc), f.req, f.signature];
    case "successor": return [6, docToBytes(f.doc), f.req, f.statement];
    case "credit": return [7, f.taken];
    case "check": return [8, docToBytes(f.doc), f.req, f.add.map((m) => [docToBytes(m.doc), m.proof]), f.sums];
    case "changed": return [23, docToBytes(f.doc), f.req, f.parts, f.heads.map((h) => [docToBytes(h.doc), h.cursor])];
    case "done": return [22, docToBytes(f.doc), f.req];
    case "presence": return [32, docToBytes(f.doc), f.req, f.cert, f.envelope];
  }
};

const fromRow = (row: Row): Frame => {
  switch (row.int()) {
    case 1: return row.end({ type: "hello", doc: row.doc(), genesis: row.bytesOrNull(113), since: row.int(), store: row.idOrNull(), proof: row.bytesOrNull(64) });
    case 2: return row.end({ type: "append", doc: row.doc(), req: row.int(), cert: row.bytesOrNull(96), envelopes: row.list((item) => new Row([item]).envelope()), covers: row.coversOrNull() });
    case 3: return row.end({ type: "unsubscribe", doc: row.doc() });
    case 4: return row.end({ type: "ping" });
    case 16: return row.end({ type: "welcome", doc: row.doc(), store: row.id(), head: row.int(), genesis: row.bytesOrNull(113), successor: row.bytesOrNull(84) });
    case 17: return row.end({ type: "batch", doc: row.doc(), entries: row.rows((r) => ({ cursor: r.place(), envelope: r.envelope(), cert: r.bytesOrNull(96), covers: r.int() })), upTo: row.int(), more: row.bool() });
    case 18: return row.end({ type: "ack", doc: row.doc(), req: row.int(), session: row.id(), seq: row.int(U32), cursor: row.int() });
    case 19: return row.end({
      type: "error", doc: row.docOrNull(), req: row.intOrNull(), code: row.text() as RelayCode,
      message: row.text(), hint: row.text(), retryAfter: row.int(U32), seq: row.intOrNull(U32),
    });
    case 20: return row.end({ type: "pong" });
    case 21: return row.end({ type: "challenge", nonce: row.bytes(32), store: row.id() });
    case 5: return row.end({ type: "delete", doc: row.doc(), req: row.int(), signature: row.bytes(64) });
    case 6: return row.end({ type: "successor", doc: row.doc(), req: row.int(), statement: row.bytes(84) });
    case 7: return row.end({ type: "credit", taken: row.int() });
    case 8: return row.end({ type: "check", doc: row.doc(), req: row.int(), add: row.rows((r) => ({ doc: r.doc(), proof: r.bytes(64) })), sums: row.bytes(128) });
    case 23: return row.end({ type: "changed", doc: row.doc(), req: row.int(), parts: row.int(0xffff), heads: row.rows((r) => ({ doc: r.doc(), cursor: r.int() })) });
    case 22: return row.end({ type: "done", doc: row.doc(), req: row.int() });
    case 32: return row.end({ type: "presence", doc: row.doc(), req: row.intOrNull(), cert: row.bytesOrNull(96), envelope: row.bytes(MIN_ENVELOPE, limits.presence) });
    default: throw invalid();
  }
};

/** Takes the elements of an array one by one, each of the kind asked for. */
class Row {
  readonly #items: readonly unknown[];
  #at = 0;
  constructor(items: readonly unknown[]) { this.#items = items; }

  int(max: number = Number.MAX_SAFE_INTEGER): number {
    const v = this.#items[this.#at++];
    if (typeof v !== "number" || !Number.isInteger(v) || v < 0 || v > max) throw invalid();
    return v;
  }
  /** A cursor at which there is something. A device that looks from there for what it knows would ask again and again. */
  place(): number {
    const v = this.int();
    if (v === 0) throw invalid();
    return v;
  }
  bool(): boolean {
    const v = this.#items[this.#at++];
    if (typeof v !== "boolean") throw invalid();
    return v;
  }
  text(): string {
    const v = this.#items[this.#at++];
    if (typeof v !== "string") throw invalid();
    return v;
  }
  bytes(min: number, max: number = min): Uint8Array {
    const v = this.#items[this.#at++];
    if (!(v instanceof Uint8Array) || v.length < min || v.length > max) throw invalid();
    return v;
  }
  list<T>(each: (item: unknown) => T): readonly T[] {
    const v = this.#array();
    if (v.length > limits.run) throw invalid();
    return v.map(each);
  }
  /** A list of arrays. */
  rows<T>(each: (row: Row) => T): readonly T[] {
    return this.list((item) => {
      if (!Array.isArray(item)) throw invalid();
      const row = new Row(item);
      return row.end(each(row));
    });
  }
  #array(): readonly unknown[] {
    const v = this.#items[this.#at++];
    if (!Array.isArray(v)) throw invalid();
    return v;
  }
  envelope(): Uint8Array { return this.bytes(MIN_ENVELOPE, limits.snapshot); }
  doc(): DocId { return toBase32(this.bytes(20)); }
  id(): SessionId { return toBase64url(this.bytes(16)); }
  bytesOrNull(size: number): Uint8Array | null { return this.#orNull(() => this.bytes(size)); }
  docOrNull(): DocId | null { return this.#orNull(() => this.doc()); }
  idOrNull(): string | null { return this.#orNull(() => this.id()); }
  coversOrNull(): Covers | null {
    return this.#orNull(() => {
      const row = new Row(this.#array());
      return row.end({ store: row.id(), upTo: row.int() });
    });
  }
  intOrNull(max?: number): number | null { return this.#orNull(() => this.int(max)); }
  /** Nothing may follow. */
  end<T>(value: T): T {
    if (this.#at !== this.#items.length) throw invalid();
    return value;
  }
  #orNull<T>(read: () => T): T | null {
    if (this.#items[this.#at] !== null) return read();
    this.#at++;
    return null;
  }
}

export const docToBytes = (doc: DocId): Uint8Array => sized(fromBase32(doc), 20);
const idToBytes = (id: string): Uint8Array => sized(fromBase64url(id), 16);

/** Ids come from our own code: a wrong one is a fault of the caller, not of the relay. */
const sized = (bytes: Uint8Array | null, size: number): Uint8Array => {
  if (bytes?.length !== size) throw new TypeError(`an id of ${size} bytes expected`);
  return bytes;
};

const invalid = (cause?: unknown): FreeholdError => new FreeholdError(
  "relay-invalid",
  "The relay sent something that is not a frame of this protocol.",
  "Check the relay's address. Nothing on this device was changed.",
  { cause },
);
