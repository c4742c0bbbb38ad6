// Bytes that the machine knows by a number: edits before they are sealed, envelopes before they are stored and shown.

import type { FreeholdError } from "../errors.ts";
import type { SessionId } from "../protocol.ts";
import type { Opened } from "./payload.ts";
import type { SnapshotPayload } from "../seal/sealer.ts";

export interface Held {
  /** The whole envelope; null while an own edit is not sealed. */
  bytes: Uint8Array | null;
  session: SessionId;
  seq: number;
  cert: Uint8Array | null;
  /** The core's update; null while an envelope is not opened. */
  update: Uint8Array | null;
  /** An opened snapshot, or why one that verifies cannot be read. */
  snapshot: SnapshotPayload | FreeholdError | null;
  /** What an envelope stands for, once it is opened. */
  contents: readonly Opened[];
  /** What an attest says. */
  note: string;
  /** Of an own edit: the operation number after its last. */
  to: number;
}

export class Refs {
  readonly #heldByRef: Map<number, Held> = new Map();
  #last = 0;

  add(held: Partial<Held> & Pick<Held, "session" | "seq">): number {
    this.#heldByRef.set(++this.#last, { bytes: null, cert: null, update: null, snapshot: null, contents: [], note: "", to: 0, ...held });
    return this.#last;
  }
  /** Must be one that was added and not taken. */
  get(ref: number): Held {
    const held = this.#heldByRef.get(ref);
    if (held === undefined) throw new TypeError(`ref ${ref} is not held`);
    return held;
  }
  drop(refs: readonly number[]): void { for (const ref of refs) this.#heldByRef.delete(ref); }
}
