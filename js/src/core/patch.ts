// Reads a patch, or the spans of a rich text, out of the core's memory and says what happened. Mirrors crdt's patch writer; docs/BOUNDARY.md lists the records.

import type { Core } from "./core.ts";
import { readUtf8, ValueReader } from "./value.ts";

/** Told each record in order. `deleted` are the units that a splice took out. */
export interface PatchSink {
  session(index: number, id: Uint8Array): void;
  childContainer(index: number, parent: number, kind: number, key: string): void;
  itemContainer(index: number, parent: number, kind: number, item: number): void;
  /** One splice. */
  text(c: number, pos: number, inserted: number, deleted: string): void;
  textLength(c: number, length: number): void;
  set(c: number, key: string, value: unknown): void;
  delete(c: number, key: string): void;
  recordChild(c: number, key: string, kind: number, container: number, visible: boolean): void;
  insertValue(c: number, at: number, item: number, session: number, seq: number, value: unknown): void;
  insertContainer(c: number, at: number, item: number, session: number, seq: number, kind: number, container: number): void;
  removeItem(c: number, at: number, item: number): void;
  moveItem(c: number, from: number, to: number, item: number): void;
  /** The marks of units [from, to) may be others. */
  marks(c: number, from: number, to: number): void;
  /** `parent`: 0 for the root, else the parent's local version + 1. */
  insertNodeValue(c: number, parent: number, at: number, node: number, session: number, seq: number, value: unknown): void;
  insertNodeContainer(c: number, parent: number, at: number, node: number, session: number, seq: number, container: number): void;
  removeNode(c: number, node: number): void;
  moveNode(c: number, node: number, parent: number, at: number): void;
  counter(c: number, value: number): void;
}

const values = new ValueReader();
let u8: Uint8Array;
let at = 0;

const varint = (): number => {
  let b = u8[at++]!;
  if (b < 128) return b;
  let n = b & 127;
  let scale = 128;
  do {
    b = u8[at++]!;
    n += (b & 127) * scale;
    scale *= 128;
  } while (b >= 128);
  return n;
};
/** (n << 1) ^ (n >> 63) read back, exact to ±(2^53 − 1), whose coded form is wider than a double. */
const zigzag = (): number => {
  const first = u8[at++]!;
  let half = (first & 127) >> 1;
  if (first >= 128) half += 64 * varint();
  return first & 1 ? -half - 1 : half;
};
const key = (): string => {
  const n = varint();
  at += n;
  return readUtf8(u8, at - n, n);
};
const value = (): unknown => {
  const n = varint();
  at += n;
  return values.decode(u8, at - n);
};

/** The output of the core's last call. The sink must not call the core. */
export const readPatch = (core: Core, sink: PatchSink): void => {
  u8 = core.u8;
  at = core.outAt;
  const end = at + core.outLength;
  while (at < end) {
    const record = u8[at++]!;
    switch (record) {
      case 0x01: {
        const index = varint();
        at += 16;
        sink.session(index, u8.slice(at - 16, at));
        break;
      }
      case 0x02: {
        const index = varint();
        const parent = varint();
        const kind = u8[at++]!;
        if (u8[at++] === 0) sink.childContainer(index, parent, kind, key());
        else sink.itemContainer(index, parent, kind, varint());
        break;
      }
      case 0x10: {
        const c = varint();
        for (let left = varint(); left > 0; left--) {
          const pos = varint();
          const inserted = varint();
          const deleted = varint();
          at += 2 * deleted;
          sink.text(c, pos, inserted, deleted === 0 ? "" : core.units(at - 2 * deleted, deleted));
        }
        break;
      }
      case 0x11: sink.textLength(varint(), varint()); break;
      case 0x12: sink.marks(varint(), varint(), varint()); break;
      case 0x20: sink.set(varint(), key(), value()); break;
      case 0x21: sink.delete(varint(), key()); break;
      case 0x22: {
        const c = varint();
        const name = key();
        const kind = u8[at++]!;
        sink.recordChild(c, name, kind, varint(), u8[at++] === 1);
        break;
      }
      case 0x30: {
        const c = varint();
        const index = varint();
        const item = varint();
        const session = varint();
        const seq = varint();
        const kind = u8[at++]!;
        if (kind === 0) sink.insertValue(c, index, item, session, seq, value());
        else sink.insertContainer(c, index, item, session, seq, kind, varint());
        break;
      }
      case 0x31: sink.removeItem(varint(), varint(), varint()); break;
      case 0x32: sink.moveItem(varint(), varint(), varint(), varint()); break;
      case 0x33: {
        const c = varint();
        const parent = varint();
        const index = varint();
        const node = varint();
        const session = varint();
        const seq = varint();
        if (u8[at++] === 0) sink.insertNodeValue(c, parent, index, node, session, seq, value());
        else sink.insertNodeContainer(c, parent, index, node, session, seq, varint());
        break;
      }
      case 0x34: sink.removeNode(varint(), varint()); break;
      case 0x35: sink.moveNode(varint(), varint(), varint(), varint()); break;
      case 0x40: sink.counter(varint(), zigzag()); break;
      default: throw new Error(`patch record 0x${record.toString(16)} is unknown: script and wasm are of different versions`);
    }
  }
};

/** A stretch of a rich text as the core tells it: marks by key, in the order of their bytes. */
export interface Span {
  /** In units; of an embed 1. */
  readonly length: number;
  readonly marks: readonly (readonly [key: string, value: unknown])[];
  /** Undefined for text. */
  readonly embed: unknown;
}

/** The output of `Core.spans`, without the text. */
export const readSpans = (core: Core): readonly Span[] => {
  u8 = core.u8;
  at = core.outAt;
  const spans: Span[] = [];
  for (let left = varint(); left > 0; left--) {
    let length = 1;
    let embed: unknown;
    if (u8[at++] === 1) {
      length = varint();
      at += 2 * length;
    } else embed = value();
    const marks: [string, unknown][] = [];
    for (let more = varint(); more > 0; more--) marks.push([key(), value()]);
    spans.push({ length, marks, embed });
  }
  return spans;
};
