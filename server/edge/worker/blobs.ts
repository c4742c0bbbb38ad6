// Large envelopes, which stay in JavaScript while Go judges them: the other half of server/edge/reactor/blobs.go. In their place Go gets
// stand-ins, and what it says with a stand-in in it is said with the envelope.
//
// Must: bytes from outside are never taken for a stand-in: one counts only while it is, byte for byte, one that was made in this turn.

import { decodeRow, encodeRow } from "../../../js/src/wire/row.ts";
import { limits } from "../../../js/src/wire/wire.ts";

/** An envelope above this stays here, whole or in parts: as long as a Batch may be. */
export const LARGE = 256 << 10;

/** A stand-in has the length of the shortest envelope: its header, a number, zeros. */
export const STAND_IN = 176;
/** How long an envelope's header and its hash are. */
export const HEADER = 64, HASH = 32;
const SIGNATURE = 64;

/** Those of the envelopes' kinds that have nothing in clear behind the header. */
const UPDATE = 0, SNAPSHOT = 1;

const APPEND = 2, BATCH = 17;

/** An envelope that stays here. */
export interface Blob {
  readonly header: Uint8Array;
  readonly size: number;
  /** Where it was judged already. */
  readonly hash: Uint8Array | null;
  parts(): readonly Uint8Array[];
  /** Set where it is stored away: then `parts` has nothing. */
  readonly fetch?: () => Promise<Uint8Array>;
}

/** A frame to send, or one whose envelope has to be fetched first. */
export type Given = Uint8Array | { readonly length: number; fetch(): Promise<Uint8Array> };

/** Whether an envelope is one that stays here: Go expects the length that its header says. */
export const staysHere = (envelope: Uint8Array): boolean => {
  if (envelope.length <= LARGE || (envelope[1] !== UPDATE && envelope[1] !== SNAPSHOT)) return false;
  return HEADER + new DataView(envelope.buffer, envelope.byteOffset).getUint32(8) + SIGNATURE === envelope.length;
};

export class Blobs {
  #known: { readonly blob: Blob; readonly standIn: Uint8Array }[] = [];

  /** What stands in for a blob until `clear`. */
  standIn(blob: Blob): Uint8Array {
    const standIn = new Uint8Array(STAND_IN);
    standIn.set(blob.header.subarray(0, HEADER));
    new DataView(standIn.buffer).setUint32(HEADER, this.#known.length);
    this.#known.push({ blob, standIn });
    return standIn;
  }

  clear(): void {
    this.#known = [];
  }

  /** The number of what bytes stand in for, -1 for none. */
  find(bytes: Uint8Array): number {
    if (bytes.length !== STAND_IN || this.#known.length === 0) return -1;
    const number = new DataView(bytes.buffer, bytes.byteOffset).getUint32(HEADER);
    return this.#known[number]?.standIn.every((b, i) => b === bytes[i]) === true ? number : -1;
  }
  at(number: number): Blob {
    return this.#known[number]!.blob;
  }

  /** Bytes, or of a stand-in for what came just now what it stands for. */
  whole(bytes: Uint8Array): Uint8Array {
    const number = this.find(bytes);
    return number < 0 ? bytes : this.at(number).parts()[0]!;
  }

  /** A frame from a device as Go gets it: its large envelopes stay here. Nothing but an append is so long. */
  taken(frame: Uint8Array): Uint8Array {
    if (frame.length <= LARGE) return frame;
    const nothing = new Uint8Array(0);
    try {
      const row = decodeRow(frame, limits.run, 0);
      if (!Array.isArray(row) || row[0] !== APPEND || !Array.isArray(row[4])) return nothing;
      const envelopes = row[4].map((e) => {
        if (!(e instanceof Uint8Array) || !staysHere(e)) return e;
        return this.standIn({ header: e.subarray(0, HEADER), size: e.length, hash: null, parts: () => [e] });
      });
      return encodeRow([...row.slice(0, 4), envelopes, ...row.slice(5)]);
    } catch {
      return nothing; // no frame: the relay says so
    }
  }

  /** A frame of Go's as it is sent. A large envelope travels alone in its batch. */
  given(frame: Uint8Array): Given {
    if (this.#known.length === 0 || frame[1] !== BATCH) return frame;
    const row = decodeRow(frame, limits.run, 0);
    for (const entry of (row as readonly unknown[])[2] as readonly (readonly unknown[])[]) {
      const envelope = entry[1] as Uint8Array;
      const number = this.find(envelope);
      if (number < 0) continue;
      const { size, parts, fetch } = this.at(number);
      const fill = (parts: readonly Uint8Array[]): Uint8Array => replaced(frame, envelope.byteOffset - frame.byteOffset, size, parts);
      if (fetch === undefined) return fill(parts());
      return { length: grown(frame, size), fetch: async () => fill([await fetch()]) };
    }
    return frame;
  }
}

/** How long a frame is with an envelope of that size for its stand-in: the head before it is longer, too. */
const grown = (frame: Uint8Array, size: number): number => frame.length - STAND_IN + size + 3;

/** A frame with the parts of an envelope for the stand-in that begins at `at`, behind a head of two bytes. */
const replaced = (frame: Uint8Array, at: number, size: number, parts: readonly Uint8Array[]): Uint8Array => {
  const whole = new Uint8Array(grown(frame, size));
  whole.set(frame.subarray(0, at - 2));
  whole[at - 2] = 0xc6;
  new DataView(whole.buffer).setUint32(at - 1, size);
  let to = at + 3;
  for (const part of parts) {
    whole.set(part, to);
    to += part.length;
  }
  whole.set(frame.subarray(at + STAND_IN), to);
  return whole;
};
