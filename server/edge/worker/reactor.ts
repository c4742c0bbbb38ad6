// One instance of the relay in Go: server/edge/reactor, function for function.
//
// Must: after a throw the instance is dead; who holds it takes a new one and opens everything again from what is stored.

import { wasi, type Wasi } from "../../../js/src/core/wasi.ts";
import { Blobs, type Given } from "./blobs.ts";
import { lengthOf, type Answer, type Store } from "./store.ts";

/** What a relay does with its connections. */
export interface Sockets {
  /** Throws where the socket is closed. */
  send(frame: Given): void;
  close(): void;
  /** Keeps what the relay must know of the connection when it is forgotten, and how much of what was said the device has not taken. */
  keep(state: Uint8Array, untaken: number): void;
}

/** Whether a document may say something large; `waits`: a reader asks again when `look` is called. */
export type HasRoom = (waits: boolean) => boolean;

/** How long a document's id is. */
const DOC = 20;

type Call = (...args: (number | bigint)[]) => number;
type Exports = Readonly<
  Record<"scratch" | "header" | "relay_open" | "relay_close" | "relay_sweep" | "relay_look" | "relay_ask" | "relay_read" | "peer_open" | "peer_resume" | "peer_receive" | "peer_close", Call>
> & { readonly memory: WebAssembly.Memory; readonly _initialize: () => void };

/** The Go runtime collects often, and more often as it nears 48 MiB: the isolate has 128 for everything. */
const ENVIRONMENT = { GOGC: "50", GOMEMLIMIT: "48MiB" };

/** Of the relays of documents that sleep nothing is heard any more. Beyond so many, the one that was silent longest is closed. */
const RELAYS = 128;

/** Linear memory never shrinks. An instance that became larger is left for a new one. */
const FAT = 40 << 20;

export class Reactor {
  readonly #x: Exports;
  /** The one that was used last comes last. Each is its object's alone: the runtime lets nobody else use its store and sockets. */
  readonly #relays = new Map<number, { readonly doc: string; readonly store: Store; readonly hasRoom: HasRoom; readonly sockets: Set<number> }>();
  readonly #sockets = new Map<number, Sockets>();
  /** What Go asked for and has not taken yet. */
  #answer: readonly Uint8Array[] = [];
  /** The large envelopes of this turn. */
  readonly #blobs = new Blobs();
  #ids = 0;
  #dead = false;
  readonly #wasi: Wasi;

  constructor(module: WebAssembly.Module) {
    const w = (this.#wasi = wasi(ENVIRONMENT));
    const { exports } = new WebAssembly.Instance(module, { wasi_snapshot_preview1: { ...w.imports, poll_oneoff: this.#poll }, freehold: this.#imports() });
    this.#x = exports as unknown as Exports;
    w.attach(this.#x.memory);
    this.#x._initialize();
  }

  /** It threw, or takes too much memory: take another. */
  get isOver(): boolean {
    return this.#dead || this.memory > FAT;
  }
  /** It threw: nothing is known of the turn in which it did. */
  get fell(): boolean {
    return this.#dead;
  }

  /** How large linear memory is. */
  get memory(): number {
    return this.#x.memory.buffer.byteLength;
  }

  /** `document` is its id and, behind that, whose documents are kept: root keys with blanks between them, none for everybody's. `size` is how much of it, 0 for the usual limit, `rate` how often it is appended to. */
  open(document: Uint8Array, store: Store, hasRoom: HasRoom, size: number, rate: number): number {
    const doc = String(document.subarray(0, DOC));
    for (const [id, relay] of this.#relays) {
      // One of the same document is of a life that ended.
      if (relay.doc === doc || this.#relays.size >= RELAYS) this.#close(id);
    }
    const id = ++this.#ids;
    this.#relays.set(id, { doc, store, hasRoom, sockets: new Set() });
    this.#turn(this.#x.relay_open, document, id, size, rate);
    return id;
  }
  #close(id: number): void {
    for (const socket of this.#relays.get(id)!.sockets) this.#sockets.delete(socket);
    this.#relays.delete(id);
    this.#turn(this.#x.relay_close, null, id);
  }

  /** Whether a relay is still open. It is the last to be closed then. */
  uses(id: number): boolean {
    const relay = this.#relays.get(id);
    if (relay === undefined) return false;
    this.#relays.delete(id);
    this.#relays.set(id, relay);
    return true;
  }

  get relays(): number {
    return this.#relays.size;
  }
  sweep(relay: number): void {
    this.#turn(this.#x.relay_sweep, null, relay);
  }

  /** Readers ask again who wait for memory. */
  look(relay: number): void {
    this.#turn(this.#x.relay_look, null, relay);
  }

  /** The answer to a frame without a connection; `name` is the one under which the document was asked for. */
  ask(relay: number, doc: Uint8Array, name: Uint8Array, frame: Uint8Array): Given {
    const question = joined(doc, name, this.#blobs.taken(frame));
    return this.#turn(this.#x.relay_ask, question, relay, name.length);
  }
  read(relay: number, doc: Uint8Array, since: number): Given {
    return this.#turn(this.#x.relay_read, doc, relay, since);
  }

  /** A new connection of a relay. `hello` is its nonce and then the name under which it came. */
  connect(relay: number, socket: Sockets, hello: Uint8Array): number {
    const id = this.#add(relay, socket);
    this.#turn(this.#x.peer_open, hello, relay, id);
    return id;
  }
  resume(relay: number, socket: Sockets, state: Uint8Array): number {
    const id = this.#add(relay, socket);
    this.#turn(this.#x.peer_resume, state, relay, id);
    return id;
  }
  #add(relay: number, socket: Sockets): number {
    const id = ++this.#ids;
    this.#sockets.set(id, socket);
    this.#relays.get(relay)!.sockets.add(id);
    return id;
  }
  receive(peer: number, message: Uint8Array): void {
    this.#turn(this.#x.peer_receive, this.#blobs.taken(message), peer);
  }
  disconnect(relay: number, peer: number): void {
    this.#sockets.delete(peer);
    this.#relays.get(relay)?.sockets.delete(peer);
    if (!this.#dead) this.#turn(this.#x.peer_close, null, peer);
  }

  /** Calls an export with input and gives its output. */
  #turn(call: Call, input: Uint8Array | null, ...args: number[]): Given {
    try {
      const failed = this.#call(call, input, args);
      if (failed > 0) throw new Error(new TextDecoder().decode(this.#out()));
      return this.#blobs.given(this.#out().slice());
    } finally {
      this.#blobs.clear();
    }
  }

  #call(call: Call, input: Uint8Array | null, args: number[]): number {
    if (this.#dead) throw new Error("the instance is over");
    try {
      if (input !== null) {
        const at = this.#x.scratch(input.length) >>> 0;
        new Uint8Array(this.#x.memory.buffer, at, input.length).set(input);
        args.push(input.length);
      }
      return call(...args);
    } catch (cause) {
      this.#dead = true;
      throw new Error(`the core fell: ${this.#wasi.printed()}`, { cause });
    }
  }

  #out(): Uint8Array {
    const [at, length] = new Uint32Array(this.#x.memory.buffer, this.#x.header() >>> 0, 2);
    return this.#bytes(at!, length!);
  }

  /**
   * The runtime's only timer is the one by which its collector gives memory back. It is always due: a turn does not wait.
   * Subscriptions are 48 bytes that begin with 8 to be given back, events 32 bytes: those 8, no error, kind 0.
   */
  readonly #poll = (subscriptions: number, events: number, n: number, happened: number): number => {
    for (let i = 0; i < n; i++) {
      const event = this.#bytes(events + 32 * i, 32).fill(0);
      event.set(this.#bytes(subscriptions + 48 * i, 8));
    }
    new DataView(this.#x.memory.buffer).setUint32(happened, n, true);
    return 0;
  };

  /** A view, good until Go runs again. */
  #bytes(at: number, n: number): Uint8Array {
    return new Uint8Array(this.#x.memory.buffer, at >>> 0, n);
  }

  #imports(): WebAssembly.ModuleImports {
    const ID = 16;
    /** Keeps the answer until it is taken, and gives its length, or that of an error. */
    const answer = (h: number, ask: (store: Store) => Answer): number => {
      try {
        this.#answer = ask(this.#relays.get(h)!.store).map((part) => (part instanceof Uint8Array ? part : this.#blobs.standIn(part)));
        return lengthOf(this.#answer);
      } catch (cause) {
        this.#answer = [new TextEncoder().encode(String(cause))];
        return -1 - lengthOf(this.#answer);
      }
    };
    return {
      log_room: (h: number) => answer(h, (s) => s.room()),
      log_session: (h: number, session: number) => answer(h, (s) => s.session(this.#bytes(session, ID).slice())),
      log_envelope: (h: number, session: number, seq: number) => answer(h, (s) => s.envelope(this.#bytes(session, ID).slice(), seq >>> 0)),
      log_size: (h: number, upTo: number) => answer(h, (s) => s.size(upTo)),
      log_read: (h: number, since: number, limit: number, count: number) => answer(h, (s) => s.read(since, limit, count)),
      log_commit: (h: number, words: number, n: number) =>
        answer(h, (s) => {
          s.commit(new Uint32Array(this.#x.memory.buffer, words >>> 0, n), new Uint8Array(this.#x.memory.buffer), this.#blobs);
          return [];
        }),
      log_take: (to: number) => {
        const memory = this.#bytes(to, lengthOf(this.#answer));
        let at = 0;
        for (const part of this.#answer) {
          memory.set(part, at);
          at += part.length;
        }
        this.#answer = [];
      },
      socket_send: (id: number, at: number, n: number) => {
        try {
          this.#sockets.get(id)!.send(this.#blobs.given(this.#bytes(at, n).slice()));
          return 0;
        } catch {
          return 1;
        }
      },
      blob_find: (at: number, n: number, size: number) => {
        const number = this.#blobs.find(this.#bytes(at, n));
        if (number >= 0) new DataView(this.#x.memory.buffer).setUint32(size, this.#blobs.at(number).size, true);
        return number;
      },
      blob_hash: (number: number, to: number) => {
        const { hash } = this.#blobs.at(number);
        if (hash !== null) this.#bytes(to, hash.length).set(hash);
        return hash === null ? 0 : 1;
      },
      // Read in parts where nothing is known of it yet: it came just now and is in one.
      blob_read: (number: number, from: number, to: number, n: number) => this.#bytes(to, n).set(this.#blobs.at(number).parts()[0]!.subarray(from, from + n)),
      socket_close: (id: number) => this.#sockets.get(id)?.close(),
      socket_keep: (id: number, at: number, n: number, untaken: number) => this.#sockets.get(id)?.keep(this.#bytes(at, n).slice(), untaken),
      memory_room: (h: number, waits: number) => (this.#relays.get(h)!.hasRoom(waits !== 0) ? 1 : 0),
    };
  }
}

export const joined = (...parts: readonly Uint8Array[]): Uint8Array => {
  const whole = new Uint8Array(parts.reduce((n, part) => n + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
};
