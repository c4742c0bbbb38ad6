// One socket of a document: what is said on it goes out in its order, also where an envelope of it has to be fetched first.

import type { Given } from "./blobs.ts";
import type { Sockets } from "./reactor.ts";

/** What the runtime keeps with a socket while its object sleeps. */
interface Attached {
  readonly state: Uint8Array;
  readonly heard: number;
}

export class Line implements Sockets {
  readonly #socket: WebSocket;
  readonly #waitUntil: (step: Promise<void>) => void;
  /** What was kept last, of use to a core that begins anew; null for a socket that none knew yet. */
  state: Uint8Array | null;
  /** When the device last said something: Unix milliseconds. */
  heard: number;
  /** The state that hibernation finds. */
  #kept: Uint8Array | null;
  /** The last of what waits for something that is fetched; null where nothing does. */
  #late: Promise<void> | null = null;

  constructor(socket: WebSocket, waitUntil: (step: Promise<void>) => void) {
    this.#socket = socket;
    this.#waitUntil = waitUntil;
    const attached = socket.deserializeAttachment() as Attached | null;
    this.state = this.#kept = attached?.state ?? null;
    this.heard = attached?.heard ?? Date.now();
  }

  send(frame: Given): void {
    if (this.#late === null && frame instanceof Uint8Array) this.#say(frame);
    else this.#then(async () => this.#say(frame instanceof Uint8Array ? frame : await frame()));
  }
  close(): void {
    this.#socket.close(1008, "too many answers are waiting");
  }
  /** The state says how far the device was told, so hibernation finds it after that was sent. */
  keep(state: Uint8Array): void {
    this.state = state;
    if (this.#late === null) this.#attach(state);
    else this.#then(async () => this.#attach(state));
  }
  /** The device says something. */
  hear(): void {
    this.heard = Date.now();
    if (this.#kept !== null) this.#attach(this.#kept);
  }

  #attach(state: Uint8Array): void {
    this.#kept = state;
    this.#socket.serializeAttachment({ state, heard: this.heard } satisfies Attached);
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
