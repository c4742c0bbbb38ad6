// The log of one document in its Durable Object's SQLite. The other half is server/edge/reactor/log.go and commit.go, which
// say what each answer looks like.
//
// Must: all of a commit is there, or nothing of it.
// Must: nothing is stored before the first commit, not even a table: whoever invents a document's id leaves nothing.

import { fromBase64url, toBase64url } from "../../../js/src/ids.ts";
import { encodeRow, type Cell } from "../../../js/src/wire/row.ts";
import { HASH, HEADER, STAND_IN, staysHere, type Blob, type Blobs } from "./blobs.ts";

/** A row may have 2 MB at most. An envelope that stays out of Go is kept in parts, and only its header with the others. */
const PART = 1 << 20;

/** What an answer is made of, one behind the other: a row, and envelopes. None: there is nothing. */
export type Answer = readonly (Uint8Array | Blob)[];

/** As in commit.go. */
const GONE = 1, GENESIS = 2, SUCCESSOR = 3, RETENTION = 4, SESSION = 5, DROP = 6, FLOOR = 7, PUT = 8;

const SCHEMA = `
  CREATE TABLE about (
    one INTEGER PRIMARY KEY CHECK (one = 1), doc TEXT NOT NULL, store BLOB NOT NULL, gone INTEGER NOT NULL DEFAULT 0,
    genesis BLOB, successor BLOB, retention BLOB, head INTEGER NOT NULL DEFAULT 0, used INTEGER NOT NULL DEFAULT 0,
    living INTEGER NOT NULL DEFAULT 0, looked INTEGER NOT NULL DEFAULT 0);
  CREATE TABLE sessions (id BLOB PRIMARY KEY, cert BLOB NOT NULL, floor_seq INTEGER, floor_hash BLOB) WITHOUT ROWID;
  CREATE TABLE envelopes (
    cursor INTEGER PRIMARY KEY, session BLOB NOT NULL, first INTEGER NOT NULL, seq INTEGER NOT NULL,
    before BLOB NOT NULL, hash BLOB NOT NULL, size INTEGER NOT NULL, header BLOB, body BLOB, away TEXT);
  CREATE UNIQUE INDEX places ON envelopes (session, seq);
  CREATE INDEX elsewhere ON envelopes (away) WHERE away IS NOT NULL;
  CREATE TABLE parts (cursor INTEGER NOT NULL, part INTEGER NOT NULL, body BLOB NOT NULL, PRIMARY KEY (cursor, part)) WITHOUT ROWID;
  CREATE TABLE away (key TEXT PRIMARY KEY) WITHOUT ROWID;
`;

type Row = Record<string, ArrayBuffer | string | number | null>;
type Binding = Uint8Array | number | string | null;

const bytes = (value: unknown): Uint8Array | null => (value instanceof ArrayBuffer ? new Uint8Array(value) : null);

export const lengthOf = (answer: readonly Uint8Array[]): number => answer.reduce((n, part) => n + part.length, 0);

/** A large envelope that may be stored away, under a key that is its own. */
export interface Cold {
  readonly cursor: number;
  readonly key: string;
  parts(): readonly Uint8Array[];
}

/** Where an envelope is, and how long what Go gets of it. */
const place = (e: Row): Cell => [e.cursor as number, e.header === null ? (e.size as number) : STAND_IN];

export class Store {
  readonly #storage: DurableObjectStorage;
  readonly #sql: SqlStorage;
  readonly #elsewhere: (key: string) => Promise<Uint8Array>;
  #isMade: boolean;
  /** What there is of a document before anything is stored. */
  readonly #nothing: Row;

  /** `elsewhere` gives what was stored away under a key. */
  constructor(storage: DurableObjectStorage, elsewhere: (key: string) => Promise<Uint8Array>) {
    this.#storage = storage;
    this.#elsewhere = elsewhere;
    this.#sql = storage.sql;
    this.#isMade = this.#sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'about'").next().done === false;
    const store = crypto.getRandomValues(new Uint8Array(16)).buffer;
    this.#nothing = { doc: null, store, gone: 0, genesis: null, successor: null, retention: null, head: 0, used: 0, living: 0 };
  }

  /** The document that this object is for: what is stored says so, before that whoever asks. */
  get doc(): string | null {
    return this.#about().doc as string | null;
  }
  set doc(id: string) {
    this.#nothing.doc = id;
  }

  /** What answers about this document carry. */
  get id(): string {
    return toBase64url(bytes(this.#about().store)!);
  }
  /** Of a document of which nothing is stored, devices were told this one before the object slept. */
  set id(id: string) {
    this.#nothing.store = fromBase64url(id)!.slice().buffer;
  }
  /** Where the log ends, null while nobody has brought the document. */
  get head(): number | null {
    const { head, genesis } = this.#about();
    return genesis === null ? null : (head as number);
  }
  get isGone(): boolean {
    return this.#about().gone === 1;
  }
  /** Called after each commit. */
  onchange: () => void = () => {};

  /** Whether there is something that may be let go of some day. */
  get ripens(): boolean {
    return this.#about().retention !== null;
  }

  room(): Answer {
    const a = this.#about();
    return [encodeRow([
      bytes(a.store), a.gone === 1, bytes(a.genesis), bytes(a.successor), a.head as number, a.used as number, a.living as number, bytes(a.retention),
    ])];
  }

  session(id: Uint8Array): Answer {
    const s = this.#one("SELECT cert, floor_seq, floor_hash FROM sessions WHERE id = ?", id);
    if (s === null) return [];
    const first = this.#one("SELECT first, before FROM envelopes WHERE session = ? ORDER BY seq LIMIT 1", id);
    const last = this.#one("SELECT seq, hash FROM envelopes WHERE session = ? ORDER BY seq DESC LIMIT 1", id);
    const row: Cell[] =
      first === null || last === null
        ? [(s.floor_seq as number) + 1, bytes(s.floor_hash), s.floor_seq as number, bytes(s.floor_hash)]
        : [first.first as number, bytes(first.before), last.seq as number, bytes(last.hash)];
    return [encodeRow([bytes(s.cert), ...row])];
  }

  /** The first envelope that ends at a seq or behind it. */
  envelope(session: Uint8Array, seq: number): Answer {
    const e = this.#one("SELECT cursor, size, hash, header, body, away FROM envelopes WHERE session = ? AND seq >= ? ORDER BY seq LIMIT 1", session, seq);
    return e === null ? [] : [encodeRow(place(e)), this.#envelope(e)];
  }

  size(upTo: number): Answer {
    return [encodeRow((this.#one("SELECT SUM(size) AS size FROM envelopes WHERE cursor <= ?", upTo)?.size as number | null | undefined) ?? 0)];
  }

  read(since: number, limit: number, count: number): Answer {
    const entries: Cell[] = [];
    const envelopes: (Uint8Array | Blob)[] = [];
    const certs = new Map<string, Cell>();
    let size = 0;
    let next = 0;
    for (const e of this.#rows("SELECT cursor, session, size, hash, header, body, away FROM envelopes WHERE cursor > ? ORDER BY cursor", since)) {
      if (size + (e.size as number) > limit || entries.length === count) {
        next = e.size as number;
        break;
      }
      size += e.size as number;
      entries.push(place(e));
      envelopes.push(this.#envelope(e));
      const session = bytes(e.session)!;
      const key = String(session);
      if (!certs.has(key)) certs.set(key, [session, bytes(this.#one("SELECT cert FROM sessions WHERE id = ?", session)!.cert)]);
    }
    return [encodeRow([next, entries, [...certs.values()]]), ...envelopes];
  }

  /** Large envelopes that were here already when this was last called: those are cold. */
  cold(): readonly Cold[] {
    const cold = [...this.#rows(
      "SELECT cursor, size, hash FROM envelopes WHERE header IS NOT NULL AND away IS NULL AND cursor <= (SELECT looked FROM about) ORDER BY cursor",
    )];
    if (this.#isMade) this.#sql.exec("UPDATE about SET looked = head");
    return cold.map((e) => ({
      cursor: e.cursor as number,
      key: `${this.doc!}/${this.id}/${e.cursor as number}-${toBase64url(bytes(e.hash)!.subarray(0, 16))}`,
      parts: () => this.#parts(e),
    }));
  }

  /** Whether something large is here, or a key of something that nothing names. */
  get hasCold(): boolean {
    return this.#one("SELECT 1 FROM parts LIMIT 1") !== null || this.orphans().length > 0;
  }

  /** Notes that something may be stored away under a key from now on. */
  expect(key: string): void {
    this.#sql.exec("INSERT OR IGNORE INTO away (key) VALUES (?)", key);
  }

  /** An envelope is stored away, and here no more. One that went meanwhile leaves its key an orphan. */
  sent({ cursor, key }: Cold): void {
    this.#storage.transactionSync(() => {
      if (this.#one("UPDATE envelopes SET away = ? WHERE cursor = ? AND away IS NULL RETURNING cursor", key, cursor) === null) return;
      this.#sql.exec("DELETE FROM parts WHERE cursor = ?", cursor);
    });
  }

  /** Keys under which something may be stored away that no envelope names. */
  orphans(): readonly string[] {
    return [...this.#rows("SELECT key FROM away WHERE key NOT IN (SELECT away FROM envelopes WHERE away IS NOT NULL) LIMIT 1000")].map((row) => row.key as string);
  }
  forget(keys: readonly string[]): void {
    for (const key of keys) this.#sql.exec("DELETE FROM away WHERE key = ?", key);
  }

  /** `memory` is what the words point into, but for `blobs`. */
  commit(words: Uint32Array, memory: Uint8Array, blobs: Blobs): void {
    const wasMade = this.#isMade;
    try {
      this.#storage.transactionSync(() => {
        if (!wasMade) this.#make();
        this.#apply(words, memory, blobs);
      });
    } catch (cause) {
      this.#isMade = wasMade;
      throw cause;
    }
    this.onchange();
  }

  #apply(words: Uint32Array, memory: Uint8Array, blobs: Blobs): void {
    let at = 0;
    const number = (): number => words[at++]! + words[at++]! * 2 ** 32;
    const view = (): Uint8Array => {
      const from = words[at++]!;
      return memory.subarray(from, from + words[at++]!);
    };
    // SQLite is given copies: what is bound as a view would be its whole memory.
    const copy = (): Uint8Array => view().slice();
    while (at < words.length) {
      switch (words[at++]) {
        case GONE:
          this.#sql.exec("DELETE FROM envelopes; DELETE FROM parts; DELETE FROM sessions;");
          this.#sql.exec("UPDATE about SET gone = 1, genesis = NULL, successor = NULL, retention = NULL, head = 0, used = 0, living = 0");
          break;
        case GENESIS: this.#sql.exec("UPDATE about SET genesis = ?", copy()); break;
        case SUCCESSOR: this.#sql.exec("UPDATE about SET successor = ?", copy()); break;
        case RETENTION: this.#sql.exec("UPDATE about SET retention = ?", copy()); break;
        case SESSION: this.#sql.exec("INSERT INTO sessions (id, cert) VALUES (?, ?)", copy(), copy()); break;
        case DROP: this.#drop(number()); break;
        case FLOOR: {
          const session = copy(), seq = number();
          this.#sql.exec("UPDATE sessions SET floor_seq = ?, floor_hash = ? WHERE id = ?", seq, copy(), session);
          break;
        }
        case PUT: this.#put(number(), copy(), number(), number(), copy(), copy(), blobs.whole(view())); break;
        default: throw new Error(`change ${words[at - 1]}`);
      }
    }
  }

  #make(): void {
    this.#sql.exec(SCHEMA);
    this.#isMade = true;
    this.#sql.exec("INSERT INTO about (one, doc, store) VALUES (1, ?, ?)", this.#nothing.doc, this.#nothing.store);
  }

  #put(cursor: number, session: Uint8Array, first: number, seq: number, before: Uint8Array, hash: Uint8Array, body: Uint8Array): void {
    const inParts = staysHere(body);
    const isFirst = !this.#lives(session);
    this.#sql.exec(
      "INSERT INTO envelopes (cursor, session, first, seq, before, hash, size, header, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
      cursor, session, first, seq, before, hash, body.length, inParts ? body.slice(0, HEADER) : null, inParts ? null : body.slice(),
    );
    for (let from = 0; inParts && from < body.length; from += PART) {
      this.#sql.exec("INSERT INTO parts (cursor, part, body) VALUES (?, ?, ?)", cursor, from / PART, body.slice(from, from + PART));
    }
    this.#sql.exec("UPDATE about SET head = MAX(head, ?), used = used + ?, living = living + ?", cursor, body.length, isFirst ? 1 : 0);
  }

  #drop(cursor: number): void {
    const gone = this.#one("DELETE FROM envelopes WHERE cursor = ? RETURNING size, session", cursor);
    if (gone === null) throw new Error("dropped what is not there");
    this.#sql.exec("DELETE FROM parts WHERE cursor = ?", cursor);
    this.#sql.exec("UPDATE about SET used = used - ?, living = living - ?", gone.size as number, this.#lives(bytes(gone.session)!) ? 0 : 1);
  }

  /** Whether something of a session is here: such count. */
  #lives(session: Uint8Array): boolean {
    return this.#one("SELECT 1 FROM envelopes WHERE session = ? LIMIT 1", session) !== null;
  }

  #envelope(e: Row): Uint8Array | Blob {
    const header = bytes(e.header);
    const body = header ?? bytes(e.body);
    if (body === null || bytes(e.hash)?.length !== HASH || (header !== null && header.length !== HEADER)) throw new Error("a row of an envelope is damaged");
    if (header === null) return body;
    const blob = { header, size: e.size as number, hash: bytes(e.hash) };
    const key = e.away as string | null;
    if (key === null) return { ...blob, parts: () => this.#parts(e) };
    return { ...blob, parts: () => [], fetch: () => this.#elsewhere(key) };
  }

  #parts(e: Row): readonly Uint8Array[] {
    const parts = [...this.#rows("SELECT body FROM parts WHERE cursor = ? ORDER BY part", e.cursor as number)].map((part) => bytes(part.body)!);
    if (lengthOf(parts) !== e.size) throw new Error("a part of an envelope is missing");
    return parts;
  }

  #about(): Row {
    return this.#one("SELECT * FROM about") ?? this.#nothing;
  }

  #one(query: string, ...bindings: Binding[]): Row | null {
    for (const row of this.#rows(query, ...bindings)) return row;
    return null;
  }

  #rows(query: string, ...bindings: Binding[]): Iterable<Row> {
    return this.#isMade ? this.#sql.exec<Row>(query, ...bindings) : [];
  }
}
