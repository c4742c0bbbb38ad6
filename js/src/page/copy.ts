// The state of one document written into another, empty one: what a reader sees and what the schema does not know, without its history.

import { type Commands, Kind } from "../core/commands.ts";
import type { Core } from "../core/core.ts";
import { type PatchSink, readPatch, readSpans } from "../core/patch.ts";
import { encodeValue } from "../core/value.ts";
import type { Transaction } from "./draft/transaction.ts";

/** Writes one thing into a container of the copy. */
type Step = (to: Writer, into: number) => void;
/** Flags of a mark (docs/TYPES.md) by source container and key: only the schema has them. */
type FlagsOf = (container: number, key: string) => number;

/** Reads the whole state now; what it gives writes it, in a transaction of the other document. */
export const copyOf = (core: Core, handle: number, flagsOf: FlagsOf): ((txn: Transaction) => void) => {
  const reader = new Reader();
  core.view(handle);
  readPatch(core, reader);
  for (const { container, isRich } of reader.texts) reader.add(container, isRich ? richText(core, handle, container, flagsOf) : text(core, handle, container));
  return (txn) => new Writer(txn).write(reader.steps);
};

/** Knows what containers and nodes of the source are in the copy. */
class Writer {
  readonly txn: Transaction;
  /** Containers that were made and wait for their content. What is in one that is not shown is never written: it would show it. */
  readonly #made: (readonly [source: number, index: number])[] = [[0, 0]];
  readonly #nodes: Map<number, number> = new Map();

  constructor(txn: Transaction) {
    this.txn = txn;
  }
  write(steps: ReadonlyMap<number, readonly Step[]>): void {
    for (const [source, index] of this.#made) for (const step of steps.get(source) ?? []) step(this, index);
  }
  get commands(): Commands {
    return this.txn.commands;
  }
  make(source: number): number {
    const index = this.txn.nextContainer();
    this.#made.push([source, index]);
    return index;
  }
  /** Of a parent in a tree, as commands name it. */
  parent(source: number): number {
    return source === 0 ? 0 : this.#nodes.get(source - 1)! + 1;
  }
  makeNode(source: number): void {
    this.#nodes.set(source, this.txn.nextLv());
  }
}

class Reader implements PatchSink {
  /** By the container that they write to. */
  readonly steps: Map<number, Step[]> = new Map();
  readonly texts: { readonly container: number; readonly isRich: boolean }[] = [];
  readonly #kinds: number[] = [Kind.map];

  childContainer(index: number, parent: number, kind: number, key: string): void {
    this.#kinds[index] = kind;
    if (this.#kinds[parent] !== Kind.record) this.add(parent, (to, c) => to.commands.child(c, kind as Kind, key, to.make(index)));
  }
  itemContainer(index: number, _parent: number, kind: number): void {
    this.#kinds[index] = kind;
  }
  textLength(c: number, length: number): void {
    if (length > 0) this.texts.push({ container: c, isRich: this.#kinds[c] === Kind.richText });
  }
  set(c: number, key: string, value: unknown): void {
    this.add(c, (to, into) => to.commands.mapSet(into, key, encodeValue(value)));
  }
  /** A view has these of entries that are shown. */
  recordChild(c: number, key: string, kind: number, container: number): void {
    this.add(c, (to, into) => {
      to.commands.child(into, kind as Kind, key, to.make(container));
      to.commands.recordPut(into, key, kind as Kind);
    });
  }
  insertValue(c: number, at: number, _item: number, _session: number, _seq: number, value: unknown): void {
    this.add(c, (to, into) => to.commands.listInsertValue(into, { mode: 0, arg: at }, encodeValue(value)));
  }
  insertContainer(c: number, at: number, _item: number, _session: number, _seq: number, kind: number, container: number): void {
    this.add(c, (to, into) => to.commands.listInsertContainer(into, { mode: 0, arg: at }, kind as Kind, to.make(container)));
  }
  insertNodeValue(c: number, parent: number, at: number, node: number, _session: number, _seq: number, value: unknown): void {
    this.add(c, (to, into) => {
      const above = to.parent(parent);
      to.makeNode(node);
      to.commands.nodeInsertValue(into, above, { mode: 0, arg: at }, encodeValue(value));
    });
  }
  insertNodeContainer(c: number, parent: number, at: number, node: number, _session: number, _seq: number, container: number): void {
    this.add(c, (to, into) => {
      const above = to.parent(parent);
      to.makeNode(node);
      to.commands.nodeInsertContainer(into, above, { mode: 0, arg: at }, Kind.map, to.make(container));
    });
  }
  counter(c: number, value: number): void {
    if (value !== 0) this.add(c, (to, into) => to.commands.counterAdd(into, value));
  }

  // A view from the empty document has no others.
  session(): void {}
  text(): void {}
  marks(): void {}
  delete(): void {}
  removeItem(): void {}
  moveItem(): void {}
  removeNode(): void {}
  moveNode(): void {}

  add(c: number, step: Step): void {
    const steps = this.steps.get(c);
    if (steps === undefined) this.steps.set(c, [step]);
    else steps.push(step);
  }
}

const text = (core: Core, handle: number, container: number): Step => {
  const all = core.text(handle, container, 0, -1);
  return (to, into) => to.commands.textInsert(into, 0, all);
};

/** First everything that has a place, then the marks over it, each as long as it goes on: nothing grows while it is written. */
const richText = (core: Core, handle: number, container: number, flagsOf: FlagsOf): Step => {
  const all = core.text(handle, container, 0, -1);
  core.spans(handle, container, 0, -1);
  const spans = readSpans(core);
  return ({ commands }, into) => {
    /** Marks that go on: where they began and what they say. */
    const open = new Map<string, { readonly from: number; readonly value: Uint8Array }>();
    const ended: (() => void)[] = [];
    const end = (key: string, at: number): void => {
      const { from, value } = open.get(key)!;
      open.delete(key);
      ended.push(() => commands.mark(into, from, at - from, flagsOf(container, key), key, value));
    };
    let at = 0;
    for (const span of spans) {
      const marks = new Map(span.marks.map(([key, value]) => [key, encodeValue(value).slice()]));
      for (const [key, { value }] of [...open]) if (!same(value, marks.get(key))) end(key, at);
      for (const [key, value] of marks) if (!open.has(key)) open.set(key, { from: at, value });
      if (span.embed === undefined) commands.textInsert(into, at, all.slice(at, at + span.length));
      else commands.embed(into, at, encodeValue(span.embed));
      at += span.length;
    }
    for (const key of [...open.keys()]) end(key, at);
    for (const mark of ended) mark();
  };
};

const same = (a: Uint8Array, b: Uint8Array | undefined): boolean => b !== undefined && a.length === b.length && a.every((byte, i) => byte === b[i]);
