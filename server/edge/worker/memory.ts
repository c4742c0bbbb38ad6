// What an isolate holds of large messages for devices that have not taken them. The runtime takes whatever is said at once, and tells nobody
// when it is gone: the devices' credit does. All objects of an isolate share its 128 MB, so they share this as well, and it outlives
// the instances of the core.

import { LARGE } from "./blobs.ts";

/** Two snapshots of any size wait for their readers, and the next goes beyond. */
const MOST = 40 << 20;

/** What a device need not have taken, as in server/wire/limits.go: that much of each is not counted. */
const WINDOW = 1 << 20;

interface Held {
  readonly doc: string;
  bytes: number;
  /** Unix milliseconds. */
  readonly since: number;
}

/** `Holder` is a socket, or what stands for it. */
export class Memory<Holder> {
  readonly #held = new Map<Holder, Held>();
  #bytes = 0;
  /** Documents that have readers who wait. */
  readonly #waiting = new Set<string>();

  /** Notes that a device is sent so much. What fits a Batch is within the device's window. */
  sends(holder: Holder, doc: string, bytes: number, now: number): void {
    if (bytes > LARGE) this.#put(holder, { doc, bytes, since: now });
  }

  /** Notes how much of all that it was sent a device has not taken. */
  owes(holder: Holder, untaken: number): void {
    const held = this.#held.get(holder);
    if (held === undefined) return;
    this.#put(holder, untaken > WINDOW ? { ...held, bytes: Math.min(held.bytes, untaken) } : null);
  }

  /** Forgets what a document's sockets hold, and gives since when they did: its object begins anew. */
  forget(doc: string): number {
    let since = Date.now();
    for (const [holder, held] of this.#held) {
      if (held.doc !== doc) continue;
      since = Math.min(since, held.since);
      this.drop(holder);
    }
    return since;
  }
  /** Notes a socket that such an object finds. */
  finds(holder: Holder, doc: string, untaken: number, since: number): void {
    if (untaken > WINDOW + LARGE) this.#put(holder, { doc, bytes: untaken, since });
  }

  /** A socket is gone, and what it held with it. One that was closed may still be there. */
  drop(holder: Holder): void {
    this.#put(holder, null);
  }

  #put(holder: Holder, held: Held | null): void {
    this.#bytes += (held?.bytes ?? 0) - (this.#held.get(holder)?.bytes ?? 0);
    if (held === null) this.#held.delete(holder);
    else this.#held.set(holder, held);
  }

  /** Whether a document's reader may be sent something large; where not, it `waits` for it or asks no more. */
  hasRoom(doc: string, waits: boolean): boolean {
    const has = this.#bytes < MOST;
    if (!has && waits) this.#waiting.add(doc);
    return has;
  }

  isWaiting(doc: string): boolean {
    return this.#waiting.has(doc);
  }

  /** Where there is room: who waits for it, each to ask again. */
  woken(): readonly string[] {
    if (this.#bytes >= MOST) return [];
    const woken = [...this.#waiting];
    this.#waiting.clear();
    return woken;
  }

  /** Since when the one who has held something for longest has; null where nobody holds anything. */
  get oldest(): number | null {
    let oldest: number | null = null;
    for (const { since } of this.#held.values()) oldest = Math.min(oldest ?? since, since);
    return oldest;
  }

  /** Documents with sockets that have held something since then or before. */
  holding(then: number): readonly string[] {
    return [...new Set([...this.#held.values()].filter(({ since }) => since <= then).map(({ doc }) => doc))];
  }
}
