// One socket of a document: what is said on it goes out in its order, also where an envelope of it has to be fetched first.

import type { Given } from "./blobs.ts";
import type { Memory } from "./memory.ts";
import type { Sockets } from "./reactor.ts";

/** What the runtime keeps with a socket while its object sleeps. */
interface Attached {
  readonly state: Uint8Array;
  readonly heard: number;
  readonly untaken: number;
}

export class Line implements Sockets {
  readonly #socket: WebSocket;
  readonly #doc: string;
  readonly #memory: Memory<Line>;
  readonly #waitUntil: (step: Promise<void>) => void;
  /** What was kept last, of use to a core that begins anew; null for a socket that none knew yet. */
  state: Uint8Array | null;
  /** When the device last said something: Unix milliseconds. */
  heard: number;
  /** The state that hibernation finds. */
  #kept: Uint8Array | null;
  #untaken: number;
  /** The last of what waits for something that is fetched; null where nothing does. */
  #late: Promise<void> | null = null;

  constructor(socket: WebSocket, doc: string, memory: Memory<Line>, waitUntil: (step: Promise<void>) => void) {
    this.#socket = socket;
    this.#doc = doc;
    this.#memory = memory;
    this.#waitUntil = waitUntil;
    const attached = socket.deserializeAttachment() as Attached | null;
    this.state = this.#kept = attached?.state ?? null;
    this.heard = attached?.heard ?? Date.now();
    this.#untaken = attached?.untaken ?? 0;
  }

  /** What it holds since a time, where an object begins anew. */
  find(since: number): void {
    this.#memory.finds(this, this.#doc, this.#untaken, since);
  }

  send(frame: Given): void {
    this.#memory.sends(this, this.#doc, frame.length, Date.now());
    if (this.#late === null && frame instanceof Uint8Array) this.#say(frame);
    else this.#then(async () => this.#say(frame instanceof Uint8Array ? frame : await frame.fetch()));
  }
  close(): void {
    this.#socket.close(1008, "too many answers are waiting");
  }
  /** The state says how far the device was told, so hibernation finds it after that was sent. */
  keep(state: Uint8Array, untaken: number): void {
    this.state = state;
    this.#memory.owes(this, untaken);
    if (this.#late === null) this.#attach(state, untaken);
    else this.#then(async () => this.#attach(state, untaken));
  }
  /** The device says something. */
  hear(): void {
    this.heard = Date.now();
    if (this.#kept !== null) this.#attach(this.#kept, this.#untaken);
  }

  #attach(state: Uint8Array, untaken: number): void {
    this.#kept = state;
    this.#untaken = untaken;
    this.#socket.serializeAttachment({ state, heard: this.heard, untaken } satisfies Attached);
  }

  #say(frame: Uint8Array): void {
    this.#socket.send(frame as Uint8Array<ArrayBuffer>);
  }

  #then(step: () => Promise<void>): void {
    const late = (this.#late ?? Promise.resolve()).then(step).then(() => {
      if (this.#late === late) this.#late = null;
    });
    this.#late = late;
    this.#waitUntil(
      late.catch((cause: unknown) => {
        // Nothing of what follows may go out. The device comes back and is told again.
        console.error(String(cause));
        try {
          this.#socket.close(1011, "the relay stumbled");
        } catch {
          // It is closed already.
        }
      }),
    );
  }
}
