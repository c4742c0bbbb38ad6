// One document in the core together with its mirror. Everything here is synchronous.

import { Commands } from "../core/commands.ts";
import type { Core } from "../core/core.ts";
import { readSpans, type Span } from "../core/patch.ts";
import { encodeValue } from "../core/value.ts";
import { FreeholdError } from "../errors.ts";
import { fromBase64url, toBase64url } from "../ids.ts";
import type { Opened, Rights, SessionId, SessionUpdate } from "../protocol.ts";
import { copyOf } from "./copy.ts";
import { editorOf } from "./draft/editors.ts";
import type { ObjectEditor } from "./draft/object.ts";
import { Transaction } from "./draft/transaction.ts";
import type { ObjectDef } from "./fields.ts";
import { Mirror, TYPE } from "./mirror.ts";
import type { NodeHost } from "./node.ts";

/** Own operations [from, to) as the vault takes them. */
export interface Drained {
  readonly session: SessionId;
  readonly from: number;
  readonly to: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

export class Replica implements NodeHost {
  readonly mirror: Mirror;
  readonly #core: Core;
  readonly rights: Rights;
  readonly #handle: number;
  readonly #commands: Commands;
  readonly #txn: Transaction = new Transaction();
  #session: SessionId = "";
  #lv = 0;
  #containers = 0;
  #seq = 0;
  #drained = 0;
  #root: ObjectEditor | null = null;
  #ended = false;
  /** Whether the last transaction did anything. */
  changed = false;

  /**
   * `refused` hears of each update that the core refuses: it is left out, as a live one is, or nobody could open the document again.
   * Throws what the core thinks of the snapshot: FreeholdError("storage-lost" | "newer-format").
   */
  constructor(core: Core, root: ObjectDef, opened: Opened, refused: (e: FreeholdError) => void) {
    this.#core = core;
    this.rights = opened.rights;
    this.#commands = new Commands(core);
    this.#handle = opened.snapshot === null ? core.create() : core.load(opened.snapshot);
    for (const u of opened.updates) {
      try {
        core.apply(this.#handle, bytesOf(u.session), u.bytes);
      } catch (e) {
        if (core.dead || !(e instanceof FreeholdError)) throw e;
        refused(e);
      }
    }
    this.mirror = new Mirror(root, this);
    core.view(this.#handle);
    this.mirror.apply(core);
    this.#look();
    if (opened.session !== "") this.begin(opened.session);
  }

  /** From here on this page writes, as that session. */
  begin(session: SessionId): void {
    this.#core.session(this.#handle, bytesOf(session));
    this.#session = session;
    this.#look();
    this.#drained = this.#seq;
  }
  get session(): SessionId {
    return this.#session;
  }
  /** It is of no use any more: the core died, or this was ended. */
  get dead(): boolean {
    return this.#ended || this.#core.dead;
  }
  end(): void {
    this.#ended = true;
  }
  /** How many operations of a session are here. */
  count(session: SessionId): number {
    const heads = this.#core.heads(this.#handle);
    let at = 0;
    const varint = (): number => {
      let n = 0;
      for (let scale = 1; ; scale *= 0x80) {
        const byte = heads[at++]!;
        n += (byte & 0x7f) * scale;
        if (byte < 0x80) return n;
      }
    };
    for (let left = varint(); left > 0; left--) {
      const id = toBase64url(heads.subarray(at, (at += 16)));
      const next = varint();
      if (id === session) return next;
    }
    return 0;
  }
  /** The next sequence number of the own session: how much this page has written. */
  get seq(): number {
    return this.#seq;
  }
  get undrained(): number {
    return this.#seq - this.#drained;
  }

  readText(container: number): string {
    return this.#core.text(this.#handle, container, 0, -1);
  }
  readSpans(container: number, from: number, to: number): readonly Span[] {
    this.#core.spans(this.#handle, container, from, to);
    return readSpans(this.#core);
  }
  readPart(container: number, from: number, to: number): string {
    return this.#core.text(this.#handle, container, from, to);
  }

  /** All or nothing: when `fn` or the core throws, nothing happened. `changed` says whether anything did. */
  change<R>(fn: (draft: never) => R): R {
    const root = this.#begin();
    try {
      const result = fn(root.face() as never);
      if (isThenable(result)) {
        // Its failure is of no use to anybody: the draft is closed already.
        result.then(undefined, () => {});
        throw new FreeholdError("invalid", "change() got an async callback", "await first, then change: a change is applied in one turn");
      }
      this.#commit();
      return result;
    } finally {
      this.#txn.end();
    }
  }
  /** The first content of a new document, and its type's name. */
  fill(type: string, input: unknown): void {
    const root = this.#begin();
    try {
      this.#commands.mapSet(0, TYPE, encodeValue(type));
      root.fillSome(input);
      this.#commit();
    } finally {
      this.#txn.end();
    }
  }

  /** The state of another document, as the first content of this one. */
  copy(from: Replica): void {
    const write = copyOf(from.#core, from.#handle, (c, key) => from.mirror.flagsOf(c, key));
    this.#begin();
    try {
      write(this.#txn);
      this.#commit();
    } finally {
      this.#txn.end();
    }
  }

  #begin(): ObjectEditor {
    const txn = this.#txn;
    if (txn.open) throw new FreeholdError("invalid", "change() was called inside change()", "make one change of both");
    if (this.#session === "") throw this.#unwritable();
    if (this.dead) throw new FreeholdError("core-restarted", "the document is being opened again", "try again in a moment");
    this.changed = false;
    txn.begin(this.#commands, this.#session, this.#lv, this.#seq, this.#containers);
    return (this.#root ??= editorOf(txn, this.mirror.root, null, "") as ObjectEditor);
  }
  #unwritable(): FreeholdError {
    return this.rights === "read"
      ? new FreeholdError("read-only", "this document is open for reading", "ask for a link that can write")
      : new FreeholdError("not-ready", "nothing of this document has arrived yet", "wait until status.content is no longer \"waiting\"");
  }
  #commit(): void {
    if (this.#commands.length === 0) return;
    this.#core.change(this.#handle, this.#commands.length);
    this.#take();
    this.changed = true;
  }

  /** A remote update. True when the view may have changed. FreeholdError when it does not decode: nothing happened then. */
  apply(update: SessionUpdate): boolean {
    if (this.#core.apply(this.#handle, bytesOf(update.session), update.bytes) !== "new") return false;
    this.#take();
    return true;
  }
  merge(snapshot: Uint8Array): void {
    this.#core.merge(this.#handle, snapshot);
    this.#take();
  }

  /** What was written since the last time, up to the limit of one update; null when nothing was. */
  drain(): Drained | null {
    if (this.undrained === 0) return null;
    const count = this.#core.update(this.#handle);
    if (count === 0) return null;
    const from = this.#drained;
    this.#drained += count;
    return { session: this.#session, from, to: this.#drained, bytes: this.#core.out() };
  }

  /** Gives the core's memory back. Versions of texts that somebody holds stay readable. */
  free(): void {
    if (this.#core.dead) return;
    for (const text of this.mirror.texts()) text.keep();
    this.#core.free(this.#handle);
  }

  #take(): void {
    try {
      this.mirror.apply(this.#core);
    } catch (cause) {
      throw this.#core.fail(cause); // the picture is broken half way: only a rebuild makes it whole
    }
    this.#look();
  }
  #look(): void {
    this.#lv = this.#core.nextLv;
    this.#containers = this.#core.containers;
    this.#seq = this.#core.nextSeq;
  }
}

const bytesOf = (session: SessionId): Uint8Array => {
  const bytes = fromBase64url(session);
  if (bytes?.length !== 16) throw new FreeholdError("relay-invalid", "a session id is malformed", "the update was skipped");
  return bytes;
};

const isThenable = (v: unknown): v is PromiseLike<unknown> => typeof v === "object" && v !== null && "then" in v && typeof v.then === "function";
