// A device store over files: one directory per document (docs/STORAGE.md has the layout).
//
// What is replaced is written beside its predecessor, what is added is appended, and nothing is dropped before what covers it is flushed.

import { FRAME_HEADER, frameAt, readFrames, type Damage, type Frame } from "../../../idb/frame.ts";
import {
  FORMAT, decodeEntries, decodeHead, decodeMarker, decodeMarks, decodeStatement, decodeSecret, decodeSnapshot, encodeEntries, encodeHead, encodeMarker, encodeMarks,
  encodeStatement, encodeSecret, encodeSnapshot, type Entries,
} from "../../../idb/record.ts";
import { isDocId } from "../ids.ts";
import type { DocId, HeadRecord, SessionId } from "../protocol.ts";
import { gather, retained, type Covering } from "./coverage.ts";
import type { FileHandle, Files } from "./files.ts";
import { Journal, sortSegments } from "./journal.ts";
import { readSlots, writeSlots } from "./slots.ts";
import type { DeviceStore, RelayMark, StoredDoc, StoredEnvelope, StoredStatement, StoredSecret, StoredSnapshot } from "./store.ts";
import { StoreError } from "./storeerror.ts";

const MARKER = "marker", SECRET = "secret", HEAD = "head", MARKS = "marks", SNAPSHOT = "snap.", STATEMENT = "proof.";

const withHandle = async <T>(files: Files, dir: string, name: string, run: (h: FileHandle) => Promise<T>): Promise<T> => {
  const handle = await files.open(dir, name);
  try {
    return await run(handle);
  } finally {
    await handle.close();
  }
};

/** End of the last whole frame. */
const wholeLength = (bytes: Uint8Array, damage: readonly Damage[]): number => damage.find((d) => d.tail)?.at ?? bytes.length;
const isSame = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && a.every((byte, i) => byte === b[i]);

export class FileStore implements DeviceStore {
  readonly kind: Files["kind"];
  readonly #files: Files;
  readonly #journalByKey = new Map<string, Journal>();
  readonly #coversByDoc = new Map<DocId, Map<number, Covering>>();
  /** Folders in which the last list found no key that can be read. */
  readonly #keyless = new Set<DocId>();
  // Head and marks of one document go one after the other: their slots are read, then written.
  readonly #slotsByDoc = new Map<DocId, Promise<void>>();

  constructor(files: Files) {
    this.kind = files.kind;
    this.#files = files;
  }

  async open(): Promise<{ readonly fresh: boolean }> {
    await this.#dropHandles();
    await this.#files.prepare();
    const bytes = await this.#files.read("", MARKER);
    const format = bytes === null ? null : decodeMarker(frameAt(bytes, 0));
    if (format !== null && format > FORMAT) throw new StoreError("newer-format", `the ${this.kind} store has format ${format}; this version knows ${FORMAT}`);
    if (format === null) await this.#put("", MARKER, encodeMarker());
    // A marker that is there but torn still says that there was a life before this one.
    return { fresh: bytes === null };
  }

  async list(): Promise<ReadonlyArray<{ readonly secret: StoredSecret; readonly head: HeadRecord | null }>> {
    const found = await Promise.all(
      (await this.#files.dirs()).map(async (doc) => {
        const [secret, head] = await Promise.all([this.#secret(doc), readSlots(this.#files, doc, HEAD, decodeHead)]);
        if (secret === null && isDocId(doc)) this.#keyless.add(doc);
        else this.#keyless.delete(doc);
        return secret === null ? [] : [{ secret, head }];
      }),
    );
    return found.flat();
  }

  async strays(): Promise<readonly DocId[]> {
    const names = await Promise.all([...this.#keyless].map(async (doc) => ({ doc, names: await this.#files.list(doc) })));
    return names.filter((f) => f.names.length > 0 && !f.names.includes(SECRET)).map((f) => f.doc);
  }

  async load(doc: DocId): Promise<StoredDoc | null> {
    const secret = await this.#secret(doc);
    if (secret === null) return null;
    const names = await this.#files.list(doc);
    const snapshots = await Promise.all(generationsOf(names).map((generation) => this.#snapshot(doc, generation)));
    const records: Entries[] = [];
    for (const name of sortSegments(names)) records.push(...(await this.#segment(doc, name)).records);
    const statements = await Promise.all(names.filter((n) => n.startsWith(STATEMENT)).map(async (n) => decodeStatement(frameAt((await this.#files.read(doc, n)) ?? new Uint8Array(0), 0)) ?? []));
    return { secret, ...gather(snapshots.flatMap((s) => s ?? []), records), marks: (await readSlots(this.#files, doc, MARKS, decodeMarks)) ?? [], statements: statements.flat() };
  }

  async putSecret(secret: StoredSecret): Promise<void> {
    await withHandle(this.#files, secret.doc, SECRET, async (h) => {
      const bytes = (await this.#files.read(secret.doc, SECRET)) ?? new Uint8Array(0);
      const { frames, damage } = readFrames(bytes);
      const end = wholeLength(bytes, damage);
      const frame = encodeSecret(secret);
      const last = frames.at(-1);
      if (last !== undefined && end === bytes.length && isSame(last.payload, frame.subarray(FRAME_HEADER))) return;
      await h.truncate(end);
      await h.write(frame, end);
      await h.flush();
    });
  }

  append(doc: DocId, writer: SessionId, envelopes: readonly StoredEnvelope[], certs: StoredDoc["certs"]): Promise<void> {
    return this.#journal(doc, writer).append(encodeEntries({ envelopes, certs }));
  }

  async checkpoint(doc: DocId, writer: SessionId, snapshot: StoredSnapshot): Promise<void> {
    await this.#needSecret(doc);
    await this.#put(doc, `${SNAPSHOT}${snapshot.generation}`, encodeSnapshot(snapshot));
    await this.#journalByKey.get(keyOf(doc, writer))?.rotate();
    this.#coversByDoc.set(doc, new Map([...(this.#coversByDoc.get(doc) ?? []), [snapshot.generation, coveringOf(snapshot)]]));
    await this.#dropCovered(doc);
  }

  async putStatement(doc: DocId, statement: StoredStatement): Promise<void> {
    await this.#needSecret(doc);
    await this.#put(doc, `${STATEMENT}${statement.session}`, encodeStatement(statement));
  }

  putHead(head: HeadRecord): Promise<void> {
    return this.#inTurn(head.id, () => writeSlots(this.#files, head.id, HEAD, decodeHead, (_, turn) => encodeHead(turn, head)));
  }

  putMark(doc: DocId, mark: RelayMark): Promise<void> {
    return this.#inTurn(doc, () =>
      writeSlots(this.#files, doc, MARKS, decodeMarks, (old, turn) => encodeMarks(turn, [...(old ?? []).filter((m) => m.relay !== mark.relay), mark])),
    );
  }

  async forget(doc: DocId): Promise<void> {
    if (!/^[\w-]+$/.test(doc)) throw new TypeError("not the name of a document's folder"); // SECURITY: it would be some other folder
    for (const [key, journal] of this.#journalByKey) {
      if (!key.startsWith(`${doc}/`)) continue;
      this.#journalByKey.delete(key);
      await journal.rotate();
    }
    await this.#slotsByDoc.get(doc);
    this.#coversByDoc.delete(doc);
    await this.#files.removeDir(doc);
  }

  async release(doc: DocId, writer: SessionId): Promise<void> {
    const key = keyOf(doc, writer);
    const journal = this.#journalByKey.get(key);
    this.#journalByKey.delete(key);
    await journal?.rotate();
  }

  async close(): Promise<void> {
    await this.#dropHandles();
    await Promise.all(this.#slotsByDoc.values());
    await this.#files.close();
  }

  /** Gives up what an opening of this store has brought along. Handles of removed files may fail to close: they are of no use either way. */
  async #dropHandles(): Promise<void> {
    const journals = [...this.#journalByKey.values()];
    this.#journalByKey.clear();
    this.#coversByDoc.clear();
    await Promise.allSettled(journals.map((j) => j.rotate()));
  }

  /** Writes a file of one frame, flushed. */
  async #put(dir: string, name: string, frame: Uint8Array): Promise<void> {
    await withHandle(this.#files, dir, name, async (h) => {
      await h.truncate(0);
      await h.write(frame, 0);
      await h.flush();
    });
  }

  #journal(doc: DocId, writer: SessionId): Journal {
    const key = keyOf(doc, writer);
    const journal = this.#journalByKey.get(key) ?? new Journal(this.#files, doc, writer, () => this.#needSecret(doc));
    this.#journalByKey.set(key, journal);
    return journal;
  }

  /** Nothing is written beside a missing secret: nobody could open it, and in an emptied store it would look like a life. */
  async #needSecret(doc: DocId): Promise<void> {
    if ((await this.#secret(doc)) !== null) return;
    if ((await this.#files.read("", MARKER)) === null) throw new StoreError("evicted", `the ${this.kind} store was emptied while it was open`);
    throw new StoreError("storage-lost", `the ${this.kind} store has no key for ${doc}`);
  }

  #inTurn(doc: DocId, run: () => Promise<void>): Promise<void> {
    const turn = (this.#slotsByDoc.get(doc) ?? Promise.resolve()).then(() => this.#needSecret(doc)).then(run);
    const settled = turn.catch(() => undefined).then(() => {
      if (this.#slotsByDoc.get(doc) === settled) this.#slotsByDoc.delete(doc);
    });
    this.#slotsByDoc.set(doc, settled);
    return turn;
  }

  async #secret(doc: DocId): Promise<StoredSecret | null> {
    const bytes = await this.#files.read(doc, SECRET);
    if (bytes === null) return null;
    return readFrames(bytes).frames.reduce<StoredSecret | null>((last, f) => decodeSecret(f) ?? last, null);
  }

  async #snapshot(doc: DocId, generation: number): Promise<StoredSnapshot | null> {
    const bytes = await this.#files.read(doc, `${SNAPSHOT}${generation}`);
    return bytes === null ? null : decodeSnapshot(frameAt(bytes, 0));
  }

  /** The records of one segment. `isKnown` is false when it holds anything that this version cannot read and that no torn write explains. */
  async #segment(doc: DocId, name: string): Promise<{ readonly records: readonly Entries[]; readonly isKnown: boolean }> {
    const { frames, damage } = readFrames((await this.#files.read(doc, name)) ?? new Uint8Array(0));
    const records = frames.flatMap((f: Frame) => decodeEntries(f) ?? []);
    return { records, isKnown: records.length === frames.length && damage.every((d) => d.tail) };
  }

  /** Keeps what `retained` says and drops the rest. Each step alone leaves everything readable. */
  async #dropCovered(doc: DocId): Promise<void> {
    const names = await this.#files.list(doc);
    const whole: Covering[] = [];
    for (const generation of generationsOf(names)) {
      const covering = await this.#covering(doc, generation);
      if (covering !== null) whole.push(covering);
    }
    const { kept, isSuperfluous } = retained(whole);
    const generations = new Set(kept.map((s) => s.generation));
    for (const generation of generationsOf(names)) if (!generations.has(generation)) await this.#files.remove(doc, `${SNAPSHOT}${generation}`);
    this.#coversByDoc.set(doc, new Map(kept.map((s) => [s.generation, s])));
    if (kept.length > 1) for (const name of sortSegments(names)) await this.#dropSegment(doc, name, isSuperfluous);
  }

  /** What a snapshot covers; null when it is not whole. One that this life wrote needs no reading. */
  async #covering(doc: DocId, generation: number): Promise<Covering | null> {
    const known = this.#coversByDoc.get(doc)?.get(generation);
    if (known !== undefined) return known;
    const snapshot = await this.#snapshot(doc, generation);
    return snapshot === null ? null : coveringOf(snapshot);
  }

  async #dropSegment(doc: DocId, name: string, isSuperfluous: (record: Entries) => boolean): Promise<void> {
    try {
      // Opened first, read then: a segment that its writer still holds cannot be opened, and one that it gave up gets no more records.
      const isDone = await withHandle(this.#files, doc, name, async () => {
        const { records, isKnown } = await this.#segment(doc, name);
        return isKnown && records.every(isSuperfluous);
      });
      if (isDone) await this.#files.remove(doc, name);
    } catch (e) {
      if (!(e instanceof StoreError) || e.code !== "blocked") throw e;
    }
  }
}

const keyOf = (doc: DocId, writer: SessionId): string => `${doc}/${writer}`;

/** Generations of the snapshot files, newest first. */
const generationsOf = (names: readonly string[]): readonly number[] =>
  names
    .filter((n) => /^snap\.\d+$/.test(n))
    .map((n) => Number(n.slice(SNAPSHOT.length)))
    .sort((a, b) => b - a);

const coveringOf = ({ generation, covers, claims }: StoredSnapshot): Covering => ({ generation, covers, claims }); // without the file
