// Writes a transaction's commands into the core's scratch memory. Mirrors crdt's command reader; docs/BOUNDARY.md lists them.

import type { Core } from "./core.ts";

/** Container and entry kinds (docs/BOUNDARY.md). */
export const Kind = { value: 0, map: 1, record: 2, list: 3, text: 4, counter: 5, richText: 6, tree: 7 } as const;
export type Kind = (typeof Kind)[keyof typeof Kind];

/** Where an item of a list or a node of a tree goes: at a view index, before or after another one named by its local version. */
export interface Where {
  readonly mode: 0 | 1 | 2;
  readonly arg: number;
}

const CHILD = 0x01, TEXT_INSERT = 0x02, TEXT_DELETE = 0x03, MAP_SET = 0x04, MAP_DELETE = 0x05;
const RECORD_PUT = 0x06, COUNTER_ADD = 0x07, LIST_INSERT = 0x08, ITEM_DELETE = 0x09, LIST_MOVE = 0x0a;
const MARK = 0x0b, EMBED = 0x0c, NODE_INSERT = 0x0d, NODE_MOVE = 0x0e;

/** Most bytes of a varint here: all are below 2^53. */
const VARINT = 8;
const utf8 = new TextEncoder();
const NOTHING = new Uint8Array(0);

/** One transaction at a time. `operations` counts what has been written, as the core will number it. */
export class Commands {
  readonly #core: Core;
  #u8: Uint8Array = NOTHING;
  #start = 0;
  #at = 0;
  #end = 0;
  operations = 0;

  constructor(core: Core) {
    this.#core = core;
  }

  begin(): void {
    this.#start = this.#at = this.#core.reserve(0);
    this.#end = this.#start + this.#core.scratchSize;
    this.operations = 0;
  }
  /** Bytes written since `begin`. */
  get length(): number {
    return this.#at - this.#start;
  }

  child(parent: number, kind: Kind, key: string, index: number): void {
    this.#open(CHILD, parent, 0);
    this.#u8[this.#at++] = kind;
    this.#key(key);
    this.#room(VARINT);
    this.#varint(index);
  }
  textInsert(c: number, pos: number, text: string): void {
    this.#open(TEXT_INSERT, c, 2 * VARINT + 2 * text.length);
    this.#varint(pos);
    this.#varint(text.length);
    const u8 = this.#u8;
    let at = this.#at;
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i);
      u8[at++] = unit;
      u8[at++] = unit >> 8;
    }
    this.#at = at;
    this.operations += text.length;
  }
  textDelete(c: number, pos: number, count: number): void {
    this.#open(TEXT_DELETE, c, 2 * VARINT);
    this.#varint(pos);
    this.#varint(count);
    this.operations += count;
  }
  /** A mark of `count` units, or with nil as its value the end of one. */
  mark(c: number, pos: number, count: number, flags: number, key: string, value: Uint8Array): void {
    this.#open(MARK, c, 2 * VARINT + 1);
    this.#varint(pos);
    this.#varint(count);
    this.#u8[this.#at++] = flags;
    this.#key(key);
    this.#value(value);
    this.operations += 2; // where it begins and where it ends
  }
  embed(c: number, pos: number, value: Uint8Array): void {
    this.#open(EMBED, c, VARINT);
    this.#varint(pos);
    this.#value(value);
    this.operations++;
  }
  mapSet(c: number, key: string, value: Uint8Array): void {
    this.#open(MAP_SET, c, 0);
    this.#key(key);
    this.#value(value);
    this.operations++;
  }
  mapDelete(c: number, key: string): void {
    this.#open(MAP_DELETE, c, 0);
    this.#key(key);
    this.operations++;
  }
  recordPut(c: number, key: string, kind: Kind): void {
    this.#open(RECORD_PUT, c, 0);
    this.#key(key);
    this.#room(1);
    this.#u8[this.#at++] = kind;
    this.operations++;
  }
  counterAdd(c: number, n: number): void {
    this.#open(COUNTER_ADD, c, 2 * VARINT);
    // Zigzag without 64-bit integers: n is a safe integer, 2|n| may not be, so the top is carried by hand.
    const low = n >= 0 ? 0 : 1;
    const half = n >= 0 ? n : -n - 1;
    this.#u8[this.#at++] = ((half % 64) << 1) | low | (half >= 64 ? 0x80 : 0);
    if (half >= 64) this.#varint(Math.floor(half / 64));
    this.operations++;
  }
  listInsertValue(c: number, where: Where, value: Uint8Array): void {
    this.#open(LIST_INSERT, c, VARINT + 2);
    this.#where(where);
    this.#u8[this.#at++] = Kind.value;
    this.#value(value);
    this.operations++;
  }
  listInsertContainer(c: number, where: Where, kind: Kind, index: number): void {
    this.#open(LIST_INSERT, c, 2 * VARINT + 2);
    this.#where(where);
    this.#u8[this.#at++] = kind;
    this.#varint(index);
    this.operations++;
  }
  /** `count`: 1, or of a node of a tree as many as it takes with it. */
  itemDelete(c: number, item: number, count: number): void {
    this.#open(ITEM_DELETE, c, VARINT);
    this.#varint(item);
    this.operations += count;
  }
  listMove(c: number, item: number, where: Where): void {
    this.#open(LIST_MOVE, c, 2 * VARINT + 1);
    this.#varint(item);
    this.#where(where);
    this.operations++;
  }

  /** `parent`: 0 for the root, else the parent's local version + 1. */
  nodeInsertValue(c: number, parent: number, where: Where, value: Uint8Array): void {
    this.#open(NODE_INSERT, c, 2 * VARINT + 2);
    this.#varint(parent);
    this.#where(where);
    this.#u8[this.#at++] = Kind.value;
    this.#value(value);
    this.operations++;
  }
  nodeInsertContainer(c: number, parent: number, where: Where, kind: Kind, index: number): void {
    this.#open(NODE_INSERT, c, 3 * VARINT + 2);
    this.#varint(parent);
    this.#where(where);
    this.#u8[this.#at++] = kind;
    this.#varint(index);
    this.operations++;
  }
  nodeMove(c: number, node: number, parent: number, where: Where): void {
    this.#open(NODE_MOVE, c, 3 * VARINT + 1);
    this.#varint(node);
    this.#varint(parent);
    this.#where(where);
    this.operations++;
  }

  #open(command: number, c: number, rest: number): void {
    this.#room(2 + VARINT + rest);
    this.#u8[this.#at++] = command;
    this.#varint(c);
  }
  #where(w: Where): void {
    this.#u8[this.#at++] = w.mode;
    this.#varint(w.arg);
  }
  #key(key: string): void {
    this.#room(VARINT + 1 + 3 * key.length);
    const n = key.length;
    let i = 0;
    // Nearly every key is short ASCII, where one length byte is right.
    if (n < 128) {
      const at = this.#at + 1;
      for (; i < n; i++) {
        const unit = key.charCodeAt(i);
        if (unit > 127) break;
        this.#u8[at + i] = unit;
      }
      if (i === n) {
        this.#u8[this.#at] = n;
        this.#at += 1 + n;
        return;
      }
    }
    const bytes = utf8.encode(key);
    this.#varint(bytes.length);
    this.#u8.set(bytes, this.#at);
    this.#at += bytes.length;
  }
  #value(bytes: Uint8Array): void {
    this.#room(VARINT + bytes.length);
    this.#varint(bytes.length);
    this.#u8.set(bytes, this.#at);
    this.#at += bytes.length;
  }
  #varint(n: number): void {
    const u8 = this.#u8;
    while (n >= 128) {
      u8[this.#at++] = (n % 128) | 128;
      n = n < 2 ** 31 ? n >>> 7 : Math.floor(n / 128);
    }
    u8[this.#at++] = n;
  }
  /** Also takes the current view of memory: a read in the middle of a transaction may have grown it. */
  #room(n: number): void {
    if (this.#at + n > this.#end) this.#grow(n);
    this.#u8 = this.#core.u8;
  }
  #grow(n: number): void {
    const kept = this.#core.u8.slice(this.#start, this.#at);
    this.#start = this.#core.reserve(2 * (kept.length + n));
    this.#core.u8.set(kept, this.#start);
    this.#at = this.#start + kept.length;
    this.#end = this.#start + this.#core.scratchSize;
  }
}
