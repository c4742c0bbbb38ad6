// One instance of freehold.wasm. Mirrors wasm/ (Go); the contract of both is docs/BOUNDARY.md.

import { FreeholdError } from "../errors.ts";
import { wasi, type Wasi } from "./wasi.ts";

type Call = (...args: number[]) => number;
/** Names as in docs/BOUNDARY.md. */
type Exports = Readonly<
  Record<
    | "abi_version" | "scratch" | "header" | "doc_new" | "doc_load" | "doc_free" | "doc_session" | "doc_change" | "doc_update" | "doc_apply"
    | "doc_merge" | "doc_view" | "doc_text" | "doc_spans" | "doc_save" | "doc_heads" | "doc_digest" | "sync_new" | "sync_step" | "sync_free",
    Call
  >
> & { readonly memory: WebAssembly.Memory; readonly _initialize: () => void };

const ABI = 1;
const FIRST_SCRATCH = 64 * 1024;
/** Go's collector: 200 trades some memory for speed (docs/BOUNDARY.md). */
const GOGC = "200";
/** Below this a loop is faster than TextDecoder's set-up. */
const SHORT_TEXT = 24;

// Header words.
const OUT = 0, OUT_LEN = 1, NEXT_LV = 2, NEXT_SEQ = 3, CONTAINERS = 4, UNDRAINED = 6;

const HINTS: Readonly<Record<number, readonly [FreeholdError["code"], string, string]>> = {
  [-1]: ["invalid", "the core refused the edit", "check positions and types; nothing was changed"],
  [-2]: ["storage-lost", "bytes do not decode", "the copy is damaged; another copy or device can replace it"],
  [-3]: ["newer-format", "written by a newer version", "update the app; the data is untouched"],
  [-4]: ["too-large", "over a limit of the format", "split it into smaller edits"],
  [-6]: ["core-restarted", "the core stopped", "it is rebuilt from what is stored; try again in a moment"],
  [-7]: ["closed", "no such document in the core", "open the document again"],
  [-8]: ["read-only", "no writing session", "open the document for writing"],
  [-9]: ["core-restarted", "the page and the core disagree about a container", "this is a bug; the view is rebuilt from what is stored"],
  [-10]: ["too-large", "it needs history that was left out here", "nothing was changed; open the document from a full copy"],
};

/** An update was applied, was known already, or waits for others before it. */
export type Applied = "new" | "known" | "held";

/**
 * A handle to the reactor. Synchronous; of one thread.
 *
 * Must: after a panic or a throw `dead` is true and every call throws "core-restarted"; the owner makes another Core.
 * Must: `out()` and `u8` are good until the next call only, memory may have moved.
 */
export class Core {
  readonly #x: Exports;
  readonly #change: Call;
  readonly #wasi: Wasi;
  readonly #header: number;
  #words!: Uint32Array;
  #scratch = 0;
  #scratchSize = 0;
  #utf16: TextDecoder = new TextDecoder("utf-16le", { ignoreBOM: true });
  dead = false;
  /** All of linear memory, as of the last call. */
  u8: Uint8Array = new Uint8Array(0);
  /** Called once, when it dies. */
  ondeath: () => void = () => {};

  private constructor(x: Exports, w: Wasi) {
    this.#x = x;
    this.#change = x.doc_change;
    this.#wasi = w;
    this.#header = x.header() >>> 0;
    this.#look();
    this.reserve(FIRST_SCRATCH);
  }

  /** Instantiates and starts the Go runtime. */
  static async start(module: WebAssembly.Module): Promise<Core> {
    const w = wasi({ GOGC });
    const { exports } = await WebAssembly.instantiate(module, { wasi_snapshot_preview1: w.imports });
    const x = exports as unknown as Exports;
    w.attach(x.memory);
    try {
      x._initialize();
    } catch (cause) {
      throw failure(-6, w.printed() || cause);
    }
    const abi = x.abi_version();
    if (abi !== ABI) throw new FreeholdError("newer-format", `the wasm speaks ABI ${abi}, this script ${ABI}`, "reload: script and wasm are of different versions");
    return new Core(x, w);
  }

  /** At least `n` bytes of input space; gives its address. Stays where it is until more is asked for. */
  reserve(n: number): number {
    if (n > this.#scratchSize) {
      const size = Math.max(n, 2 * this.#scratchSize);
      this.#scratch = this.#call(this.#x.scratch, size) >>> 0;
      this.#scratchSize = size;
    }
    return this.#scratch;
  }
  get scratchSize(): number {
    return this.#scratchSize;
  }

  /** Address and length of the last call's output. */
  get outAt(): number {
    return this.#words[OUT]!;
  }
  get outLength(): number {
    return this.#words[OUT_LEN]!;
  }
  /** A copy of the last call's output. */
  out(): Uint8Array<ArrayBuffer> {
    return this.u8.slice(this.outAt, this.outAt + this.outLength) as Uint8Array<ArrayBuffer>;
  }
  /** Next local version of the document of the last call. */
  get nextLv(): number {
    return this.#words[NEXT_LV]!;
  }
  get nextSeq(): number {
    return this.#words[NEXT_SEQ]!;
  }
  get containers(): number {
    return this.#words[CONTAINERS]!;
  }
  /** Operations that no `update` has taken yet. */
  get undrained(): number {
    return this.#words[UNDRAINED]!;
  }

  create(): number {
    return this.#call(this.#x.doc_new);
  }
  load(file: Uint8Array): number {
    this.#write(file);
    return this.#call(this.#x.doc_load, file.length);
  }
  free(h: number): void {
    if (!this.dead) this.#call(this.#x.doc_free, h);
  }
  session(h: number, id: Uint8Array): void {
    this.#write(id);
    this.#call(this.#x.doc_session, h);
  }
  /** Applies the commands that lie in scratch; the patch is the output. Called per key stroke, so this call site is its own. */
  change(h: number, length: number): void {
    if (this.dead) throw failure(-6, "");
    let r: number;
    try {
      r = this.#change(h, length);
    } catch (cause) {
      throw this.#die(-6, cause);
    }
    this.#look();
    if (r < 0) throw this.#failed(r);
  }
  /** Drains the writing session's operations: how many (0: none, or over the limit of one update: call again while `undrained`); the update is the output. */
  update(h: number): number {
    return this.#call(this.#x.doc_update, h);
  }
  /** A remote update; the patch is the output. */
  apply(h: number, session: Uint8Array, update: Uint8Array): Applied {
    const at = this.reserve(session.length + update.length);
    this.u8.set(session, at);
    this.u8.set(update, at + session.length);
    const r = this.#call(this.#x.doc_apply, h, session.length + update.length);
    return r === MISSING ? "held" : r === 0 ? "new" : "known";
  }
  /** Union with another replica's file; the patch is the output. */
  merge(h: number, file: Uint8Array): void {
    this.#write(file);
    this.#call(this.#x.doc_merge, h, file.length);
  }
  /** The whole state as a patch from the empty document. */
  view(h: number): void {
    this.#call(this.#x.doc_view, h);
  }
  /** Units [from, to) of a text; `to` −1 is the end. */
  text(h: number, container: number, from: number, to: number): string {
    this.#call(this.#x.doc_text, h, container, from, to);
    return this.units(this.outAt, this.outLength >> 1);
  }
  /** Units [from, to) of a rich text with their marks; the spans are the output. */
  spans(h: number, container: number, from: number, to: number): void {
    this.#call(this.#x.doc_spans, h, container, from, to);
  }
  save(h: number): Uint8Array<ArrayBuffer> {
    this.#call(this.#x.doc_save, h);
    return this.out();
  }
  heads(h: number): Uint8Array<ArrayBuffer> {
    this.#call(this.#x.doc_heads, h);
    return this.out();
  }
  digest(h: number): Uint8Array<ArrayBuffer> {
    this.#call(this.#x.doc_digest, h);
    return this.out();
  }

  syncNew(options: Uint8Array): number {
    this.#write(options);
    return this.#call(this.#x.sync_new, options.length);
  }
  syncStep(machine: number, event: Uint8Array): Uint8Array<ArrayBuffer> {
    this.#write(event);
    this.#call(this.#x.sync_step, machine, event.length);
    return this.out();
  }
  syncFree(machine: number): void {
    if (!this.dead) this.#call(this.#x.sync_free, machine);
  }

  /** `n` UTF-16 units that lie at an address. */
  units(at: number, n: number): string {
    if (n > SHORT_TEXT) return this.#utf16.decode(this.u8.subarray(at, at + 2 * n));
    const u8 = this.u8;
    let s = "";
    for (const end = at + 2 * n; at < end; at += 2) s += String.fromCharCode(u8[at]! | (u8[at + 1]! << 8));
    return s;
  }

  #write(bytes: Uint8Array): void {
    const at = this.reserve(bytes.length);
    this.u8.set(bytes, at);
  }

  /** Growth detaches every view: writes would vanish without an error. */
  #look(): void {
    if (this.u8.length !== 0) return; // a detached view has no length
    const { buffer } = this.#x.memory;
    this.u8 = new Uint8Array(buffer);
    this.#words = new Uint32Array(buffer, this.#header, 16);
  }

  #call(f: Call, a = 0, b = 0, c = 0, d = 0): number {
    if (this.dead) throw failure(-6, "");
    let r: number;
    try {
      r = f(a, b, c, d);
    } catch (cause) {
      throw this.#die(-6, cause);
    }
    this.#look();
    if (r >= 0 || r === MISSING) return r;
    throw this.#failed(r);
  }

  #failed(r: number): FreeholdError {
    return r === -6 || r === -9 ? this.#die(r, this.#wasi.printed()) : failure(r, new TextDecoder().decode(this.out()));
  }

  /** For an owner who found that it and the core disagree: the instance is given up. */
  fail(cause: unknown): FreeholdError {
    return this.#die(-9, cause);
  }

  #die(code: number, cause: unknown): FreeholdError {
    this.dead = true;
    this.ondeath();
    return failure(code, cause);
  }
}

const MISSING = -5;

/** `detail`: the core's own words, or what was thrown. */
const failure = (result: number, detail: unknown): FreeholdError => {
  const [code, message, hint] = HINTS[result] ?? HINTS[-6]!;
  const words = typeof detail === "string" ? detail.trim() : "";
  return new FreeholdError(code, words && result !== -6 ? `${message}: ${words}` : message, hint, detail === "" ? {} : { cause: detail });
};
