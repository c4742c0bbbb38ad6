// What the records of a device store say: one frame each, the same bytes in a file and in IndexedDB (docs/STORAGE.md).

import { fromBase32, fromBase64url, toBase32, toBase64url } from "../js/src/ids.ts";
import type { DocId, HeadRecord, Rights, SessionId } from "../js/src/protocol.ts";
import type { RelayMark, StoredDoc, StoredEnvelope, StoredStatement, StoredSecret, StoredSnapshot } from "../js/src/store/store.ts";
import { Reader, Writer } from "./bytes.ts";
import { encodeFrame, type Frame } from "./frame.ts";

/** The layout as a whole; stands in the marker. A store with a higher number is refused, untouched. */
export const FORMAT = 0;
/** Frame types. A reader keeps what it does not know: a journal with an unknown record is never dropped. */
export const Type = { marker: 0, entries: 1, secret: 2, head: 3, marks: 4, snapshot: 5, statement: 6 } as const;

/** One flush: envelopes and the certificates met with them. */
export interface Entries {
  readonly envelopes: readonly StoredEnvelope[];
  readonly certs: StoredDoc["certs"];
}

const RIGHTS: readonly Rights[] = ["read", "write", "owner"];
const CERT = 96, HASH = 32, SESSION = 16, DOC = 20, GENESIS = 113;

const sized = (bytes: Uint8Array | null, length: number, what: string): Uint8Array => {
  if (bytes === null || bytes.length !== length) throw new RangeError(`${what} must be ${length} bytes`);
  return bytes;
};
const putSession = (w: Writer, session: SessionId): Writer => w.raw(sized(fromBase64url(session), SESSION, "session id"));
const getSession = (r: Reader): SessionId => toBase64url(r.raw(SESSION));
const putDoc = (w: Writer, doc: DocId): Writer => w.raw(sized(fromBase32(doc), DOC, "document id"));
const getDoc = (r: Reader): DocId => toBase32(r.raw(DOC));
const putRights = (w: Writer, rights: Rights): Writer => w.u8(RIGHTS.indexOf(rights));
const getRights = (r: Reader): Rights => {
  const rights = RIGHTS[r.u8()];
  if (rights === undefined) throw new RangeError("unknown rights");
  return rights;
};
// An optional field is its presence, 0 or 1, and then the field.
const getOptional = <T>(r: Reader, read: () => T): T | null => (r.u8() === 0 ? null : read());
const times = <T>(n: number, read: () => T): T[] => Array.from({ length: n }, read);

const frame = (type: number, w: Writer): Uint8Array => encodeFrame(type, 0, w.done());

/** Runs a payload reader over a frame of one type; null when it is of another type, of a newer version or does not hold what it should. */
const decode = <T>(f: Frame | null, type: number, read: (r: Reader) => T): T | null => {
  if (f === null || f.type !== type || f.version !== 0) return null;
  try {
    const r = new Reader(f.payload);
    const value = read(r);
    r.end();
    return value;
  } catch (e) {
    if (e instanceof RangeError || e instanceof TypeError || e instanceof SyntaxError) return null;
    throw e;
  }
};

export const encodeMarker = (): Uint8Array => frame(Type.marker, new Writer().varint(FORMAT));
/** The format number of a marker; later versions may add to its payload. */
export const decodeMarker = (f: Frame | null): number | null => (f !== null && f.type === Type.marker && f.payload.length > 0 ? new Reader(f.payload).varint() : null);

export const encodeEntries = ({ envelopes, certs }: Entries): Uint8Array => {
  const w = new Writer().varint(certs.length);
  for (const { session, cert } of certs) putSession(w, session).raw(sized(cert, CERT, "certificate"));
  w.varint(envelopes.length);
  for (const { session, seq, bytes } of envelopes) putSession(w, session).u32(seq).bytes(bytes);
  return frame(Type.entries, w);
};
export const decodeEntries = (f: Frame | null): Entries | null =>
  decode(f, Type.entries, (r) => ({
    certs: times(r.count(SESSION + CERT), () => ({ session: getSession(r), cert: r.raw(CERT).slice() })),
    envelopes: times(r.count(SESSION + 5), () => ({ session: getSession(r), seq: r.u32(), bytes: r.bytes().slice() })),
  }));

export const encodeSecret = (s: StoredSecret): Uint8Array => {
  const w = putRights(putDoc(new Writer(), s.doc), s.rights).text(s.type).bytes(s.secret);
  if (s.genesis === null) w.u8(0);
  else w.u8(1).raw(sized(s.genesis, GENESIS, "genesis"));
  if (s.relayHint === null) w.u8(0);
  else w.u8(1).text(s.relayHint);
  return frame(Type.secret, w);
};
export const decodeSecret = (f: Frame | null): StoredSecret | null =>
  decode(f, Type.secret, (r) => ({
    doc: getDoc(r),
    rights: getRights(r),
    type: r.text(),
    secret: r.bytes().slice(),
    genesis: getOptional(r, () => r.raw(GENESIS).slice()),
    relayHint: getOptional(r, () => r.text()),
  }));

/** `turn` rises with each writing, so that of two slots the newer is known. */
export const encodeHead = (turn: number, h: HeadRecord): Uint8Array =>
  frame(Type.head, putRights(putDoc(new Writer().varint(turn), h.id), h.rights).text(h.type).varint(Math.max(0, Math.floor(h.changed))).text(JSON.stringify(h.head ?? null)));
export const decodeHead = (f: Frame | null): { readonly turn: number; readonly value: HeadRecord } | null =>
  decode(f, Type.head, (r) => {
    const turn = r.varint();
    const id = getDoc(r), rights = getRights(r), type = r.text(), changed = r.varint();
    return { turn, value: { id, rights, type, changed, head: JSON.parse(r.text()) as unknown } };
  });

export const encodeMarks = (turn: number, marks: readonly RelayMark[]): Uint8Array => {
  const w = new Writer().varint(turn).varint(marks.length);
  for (const m of marks) {
    w.text(m.relay).text(m.store).varint(m.cursor).varint(m.last).varint(m.tail).varint(m.snapshot).varint(m.known.length);
    for (const { session, seq } of m.known) putSession(w, session).u32(seq);
  }
  return frame(Type.marks, w);
};
export const decodeMarks = (f: Frame | null): { readonly turn: number; readonly value: readonly RelayMark[] } | null =>
  decode(f, Type.marks, (r) => {
    const turn = r.varint();
    const value = times(r.count(7), () => ({
      relay: r.text(),
      store: r.text(),
      cursor: r.varint(),
      last: r.varint(),
      tail: r.varint(),
      snapshot: r.varint(),
      known: times(r.count(SESSION + 4), () => ({ session: getSession(r), seq: r.u32() })),
    }));
    return { turn, value };
  });

export const encodeSnapshot = (s: StoredSnapshot): Uint8Array => {
  const w = new Writer().varint(s.generation).varint(s.covers.length);
  for (const c of s.covers) putSession(w, c.session).u32(c.seq).raw(sized(c.hash, HASH, "hash")).raw(sized(c.cert, CERT, "certificate"));
  w.varint(s.claims.length);
  for (const c of s.claims) putSession(w, c.session).u32(c.seq).raw(sized(c.hash, HASH, "hash"));
  return frame(Type.snapshot, w.bytes(s.file));
};
export const decodeSnapshot = (f: Frame | null): StoredSnapshot | null =>
  decode(f, Type.snapshot, (r) => ({
    generation: r.varint(),
    covers: times(r.count(SESSION + 4 + HASH + CERT), () => ({ session: getSession(r), seq: r.u32(), hash: r.raw(HASH).slice(), cert: r.raw(CERT).slice() })),
    claims: times(r.count(SESSION + 4 + HASH), () => ({ session: getSession(r), seq: r.u32(), hash: r.raw(HASH).slice() })),
    file: r.bytes().slice(),
  }));

export const encodeStatement = (s: StoredStatement): Uint8Array => frame(Type.statement, putSession(new Writer(), s.session).bytes(s.bytes));
export const decodeStatement = (f: Frame | null): StoredStatement | null => decode(f, Type.statement, (r) => ({ session: getSession(r), bytes: r.bytes().slice() }));
