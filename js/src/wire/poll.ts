// A connection to a relay over plain HTTP, for places without WebSocket (Node 20): the same frames, each document by a
// request that the relay answers when the log has grown (docs/PROTOCOL.md §5).

import type { DocId } from "../protocol.ts";
import { requestOf } from "./owner.ts";
import { isFromRelay, type Ask, type OpenWire, type Prover, type Said, type Wire, type WireEvents } from "./socket.ts";
import { decodeFrame, encodeFrame, MEDIA_TYPE, weigh, type Append, type Challenge, type Delete, type Hello, type RelayFrame, type Successor } from "./wire.ts";

/** How long the relay may hold an answer, in seconds. */
const WAIT = 20;
/** How long a token is valid, in seconds; longer than a request. */
const TOKEN_LIFE = 300;
/** Between questions about a document that the relay does not have yet, in milliseconds. */
const UNKNOWN = 1_000;

type Fetch = typeof globalThis.fetch;

type Told = Exclude<RelayFrame, Challenge>;

/** Bytes of envelopes that are not taken, beyond which no more of a document is asked for. */
const WINDOW = 1 << 20;

/** One document that is followed. */
interface Reading {
  readonly abort: AbortController;
  owed: number;
  /** Goes on when less is owed. */
  wake: () => void;
}

/** What the relay answered is not of this protocol. Nobody reads what was wrong: the connection ends. */
class Garbage extends Error {}

export const pollWire = (fetch: Fetch): OpenWire => (relay, on) => new PollWire(fetch, relay, on);

class PollWire implements Wire {
  readonly #fetch: Fetch;
  readonly #relay: string;
  readonly #on: WireEvents;
  readonly #all: AbortController = new AbortController();
  readonly #readingById: Map<DocId, Reading> = new Map();
  /** What the relay said on this connection. Nothing in its answers tells whether each document has a store of its own there. */
  readonly #storeById: Map<DocId, string> = new Map();
  /** Appends go out one after the other, as they would on one socket. */
  #lane: Promise<void>;
  /** How far the relay's clock is ahead of ours, in milliseconds: a token is judged by it, and clocks are off by years. */
  #ahead = 0;

  constructor(fetch: Fetch, relay: string, on: WireEvents) {
    this.#fetch = fetch;
    this.#relay = relay.replace(/^ws/, "http");
    this.#on = on;
    this.#lane = this.#guard(async () => {
      await this.#health();
      if (!this.#all.signal.aborted) on.opened();
    });
  }

  hello(ask: Ask, by: Prover): void { this.#read(ask, by); }
  check(): void {} // what changed a request for each document says
  send(frame: Said): void {
    switch (frame.type) {
      case "unsubscribe": return this.#readingById.get(frame.doc)?.abort.abort();
      case "append": this.#lane = this.#lane.then(() => this.#guard(() => this.#append(frame))); return;
      case "delete": return void this.#guard(() => this.#bring(frame, frame.signature));
      case "successor": return void this.#guard(() => this.#bring(frame, frame.statement));
      case "took": return this.#took(frame.doc, frame.size);
      case "presence": return; // nobody could answer it: there is no line on which the relay speaks first
      case "ping": return void this.#guard(async () => {
        await this.#health();
        this.#tell({ type: "pong" });
      });
      default: return frame satisfies never;
    }
  }
  close(): void { this.#all.abort(); }

  #tell(frame: Told): void { if (!this.#all.signal.aborted) this.#on.frame(frame); }

  /** A failure ends the connection, once. */
  async #guard(run: () => Promise<void>): Promise<void> {
    try {
      await run();
    } catch (e) {
      if (this.#all.signal.aborted) return;
      this.#all.abort();
      this.#on.closed(e instanceof Garbage);
    }
  }

  #request(path: string, init: RequestInit = {}): Promise<Response> {
    return this.#fetch(new URL(path, this.#relay), { signal: this.#all.signal, ...init });
  }

  async #health(): Promise<void> {
    const response = await this.#request("/healthz");
    await response.arrayBuffer();
    if (!response.ok) throw new Garbage();
    const theirs = Date.parse(response.headers.get("date") ?? "");
    if (!Number.isNaN(theirs)) this.#ahead = theirs - Date.now();
  }

  async #append(append: Append): Promise<void> {
    const response = await this.#request(`/v1/docs/${append.doc}`, { method: "POST", headers: { "content-type": MEDIA_TYPE }, body: encodeFrame(append) });
    const frame = await frameOf(response);
    this.#tell(frame.type === "error" ? { ...frame, doc: append.doc, req: append.req } : frame);
  }

  /** Brings an owner's statement. */
  async #bring(frame: Delete | Successor, statement: Uint8Array): Promise<void> {
    const [url, init] = requestOf(this.#relay, { what: frame.type, doc: frame.doc, statement });
    const response = await this.#fetch(url, { signal: this.#all.signal, ...init });
    if (!response.ok) return this.#tell({ ...(await frameOf(response)), doc: frame.doc, req: frame.req } as Told);
    await response.arrayBuffer();
    this.#tell({ type: "done", doc: frame.doc, req: frame.req });
  }

  /** Follows a document until it is left. A second hello starts over. */
  #read(hello: Ask, by: Prover): void {
    this.#readingById.get(hello.doc)?.abort.abort();
    const reading: Reading = { abort: new AbortController(), owed: 0, wake: () => undefined };
    this.#readingById.set(hello.doc, reading);
    const signal = AbortSignal.any([reading.abort.signal, this.#all.signal]);
    signal.addEventListener("abort", () => reading.wake());
    void this.#guard(async () => {
      try {
        await this.#follow(hello, by, reading, signal);
      } catch (e) {
        if (!reading.abort.signal.aborted) throw e;
      }
    });
  }

  /** Of a reading before this one, some may be taken late: then a little more is asked for. */
  #took(doc: DocId, size: number): void {
    const reading = this.#readingById.get(doc);
    if (reading === undefined) return;
    reading.owed = Math.max(0, reading.owed - size);
    if (reading.owed < WINDOW) reading.wake();
  }

  async #follow(hello: Ask, by: Prover, reading: Reading, signal: AbortSignal): Promise<void> {
    const path = `/v1/docs/${hello.doc}`;
    if (hello.genesis !== null) {
      const put = await this.#request(`${path}/genesis`, { method: "PUT", body: hello.genesis.slice(), signal });
      if (!put.ok) return this.#tell({ ...(await frameOf(put)), doc: hello.doc } as Told);
      await put.arrayBuffer();
    }
    let { since, store } = hello;
    let successor: Uint8Array | null = null;
    for (let welcomed = false; !signal.aborted;) {
      const query = new URLSearchParams({ since: String(since), ...(store === null ? {} : { store }), ...(welcomed ? { wait: String(WAIT) } : {}) });
      const headers = { authorization: `Bearer ${await by.token(new URL(this.#relay).host, Math.floor((Date.now() + this.#ahead) / 1000) + TOKEN_LIFE)}` };
      const response = await this.#request(`${path}?${query}`, { signal, headers });
      if (response.status === 404) {
        await response.arrayBuffer();
        await pause(UNKNOWN, signal);
        continue;
      }
      const frame = await frameOf(response);
      if (signal.aborted) return;
      if (frame.type !== "batch") return this.#tell({ ...frame, doc: hello.doc } as Told);
      const at = response.headers.get("freehold-store");
      const head = Number(response.headers.get("freehold-head") ?? NaN);
      if (at === null || at !== (this.#storeById.get(hello.doc) ?? at)) throw new Garbage();
      this.#storeById.set(hello.doc, at);
      // No line on which the relay would say so by itself: asked whenever a wait brought nothing.
      const wasNamed = successor !== null;
      if (!welcomed || (!wasNamed && frame.entries.length === 0)) successor = await this.#statement(`${path}/successor`, signal, headers);
      if (!welcomed || wasNamed !== (successor !== null)) {
        const genesis = hello.genesis ?? (await this.#statement(`${path}/genesis`, signal));
        this.#tell(sound({ type: "welcome", doc: hello.doc, store: at, head, genesis, successor }));
        welcomed = true;
      }
      store = at;
      since = frame.upTo;
      reading.owed += weigh(frame);
      this.#tell(frame);
      while (reading.owed >= WINDOW && !signal.aborted) await new Promise<void>((resolve) => { reading.wake = resolve; });
    }
  }

  async #statement(path: string, signal: AbortSignal, headers: Record<string, string> = {}): Promise<Uint8Array | null> {
    const response = await this.#request(path, { signal, headers });
    const bytes = new Uint8Array(await response.arrayBuffer());
    return response.ok ? bytes : null;
  }
}

const frameOf = async (response: Response): Promise<Told> => {
  try {
    const frame = decodeFrame(new Uint8Array(await response.arrayBuffer()));
    if (isFromRelay(frame) && frame.type !== "challenge") return frame;
  } catch (cause) {
    if (cause instanceof Error && cause.name === "AbortError") throw cause;
  }
  throw new Garbage();
};

/** A frame put together from headers and bodies, held to what one that was received is held to. */
const sound = (frame: Told): Told => {
  try {
    return decodeFrame(encodeFrame(frame)) as Told;
  } catch {
    throw new Garbage();
  }
};

const pause = (ms: number, signal: AbortSignal): Promise<void> => new Promise((resolve) => {
  const timer = setTimeout(resolve, ms);
  signal.addEventListener("abort", () => {
    clearTimeout(timer);
    resolve();
  }, { once: true });
});
