// The view of a document as a tree of nodes, one per container. Patches write to nodes; `view` gives frozen values.
//
// A node that changed is dirty, and so are all above it. A dirty node makes a new value from what its children give; a clean one
// gives the same value again: that is all of structural sharing.
//
// A node exists for each child that the schema declares, looked at or not; `container` is −1 until somebody has written to it.

import { Kind } from "../core/commands.ts";
import type { TextSplice } from "../types.ts";
import type { ChildDef, CounterDef, ListDef, ObjectDef, RecordDef, RegisterDef, ShapeDef, TextDef } from "./fields.ts";
import { MISMATCH, shown } from "./fields.ts";
import { type Item, Items } from "./items.ts";
import { type PinnedText, type TextSource, Trail } from "./pinnedtext.ts";

/** What nodes need of the document around them. */
export interface NodeHost {
  /** The newest text of a container. */
  readText(container: number): string;
}

export abstract class Node {
  abstract readonly def: ChildDef;
  readonly host: NodeHost;
  readonly parent: Node | null;
  container: number;
  dirty = true;
  /** The editor that drafts use, made when first asked for and used again. */
  editor: unknown = null;

  constructor(host: NodeHost, parent: Node | null, container: number) {
    this.host = host;
    this.parent = parent;
    this.container = container;
  }

  abstract view(): unknown;
  /** Takes over the values of the node that was here before the core was rebuilt, wherever they are equal. */
  abstract inherit(old: Node): void;

  /** Stops at the first dirty node: all above it are dirty already. */
  touch(): void {
    let node: Node | null = this;
    while (node !== null && !node.dirty) {
      node.dirty = true;
      node = node.parent;
    }
  }
}

/** The node for a child of that definition. */
export const childNode = (def: ChildDef, host: NodeHost, parent: Node, container: number): Node => {
  switch (def.kind) {
    case Kind.map: return new ObjectNode(def, host, parent, container);
    case Kind.record: return new RecordNode(def, host, parent, container);
    case Kind.list: return new ListNode(def, host, parent, container);
    case Kind.text: return new TextNode(def, host, parent, container);
    case Kind.counter: return new CounterNode(def, host, parent, container);
  }
};

/** An object of the schema: registers by field, children by field. Keys that the schema does not know stay in the core, unseen. */
export class ObjectNode extends Node {
  readonly def: ObjectDef;
  readonly #stored: unknown[];
  readonly #children: (Node | null)[];
  /** The value in the making; what readers get is a frozen copy. */
  readonly #live: Record<string, unknown>;
  #view: object | null = null;

  /** `item`: an item of a list, which carries its id; known a little later, when the item is. */
  constructor(def: ObjectDef, host: NodeHost, parent: Node | null, container: number, item = false) {
    super(host, parent, container);
    this.def = def;
    const { keys, fields } = def.shape;
    this.#stored = new Array(keys.length).fill(undefined);
    this.#children = new Array(keys.length).fill(null);
    this.#live = {};
    if (item) this.#live["$id"] = "";
    for (let i = 0; i < keys.length; i++) {
      const field = fields[i]!;
      this.#live[keys[i]!] = field.kind === Kind.value ? field.fallback : undefined;
    }
  }

  get shape(): ShapeDef {
    return this.def.shape;
  }
  /** The stored value of a register, `undefined` when there is none. */
  stored(field: number): unknown {
    return this.#stored[field];
  }
  /** What a reader sees in a register. */
  shown(field: number): unknown {
    return this.#live[this.shape.keys[field]!];
  }
  store(field: number, value: unknown): void {
    this.#stored[field] = value;
    this.#live[this.shape.keys[field]!] = shown(this.shape.fields[field] as RegisterDef, value);
    this.touch();
  }
  child(field: number): Node {
    return (this.#children[field] ??= childNode(this.shape.fields[field] as ChildDef, this.host, this, -1));
  }
  setId(id: string): void {
    this.#live["$id"] = id;
  }

  inherit(old: Node): void {
    if (!(old instanceof ObjectNode)) return;
    const { keys, fields } = this.shape;
    for (let i = 0; i < keys.length; i++) {
      if (fields[i]!.kind !== Kind.value) this.child(i).inherit(old.child(i));
      else if (sameValue(this.#stored[i], old.#stored[i])) this.#live[keys[i]!] = old.#live[keys[i]!];
    }
    const now = this.view();
    if (old.#view !== null && sameEntries(now, old.#view)) this.#view = old.#view;
  }

  view(): object {
    if (!this.dirty && this.#view !== null) return this.#view;
    const { keys, children } = this.def.shape;
    for (let i = 0; i < children.length; i++) {
      const field = children[i]!;
      const view = this.child(field).view();
      if (this.#live[keys[field]!] !== view) this.#live[keys[field]!] = view;
    }
    this.dirty = false;
    // Not by spreading: freezing what that gives is slow in V8.
    return (this.#view = Object.freeze(Object.assign({}, this.#live)));
  }
}

/** Entries by key: registers, or containers that can be hidden and shown again. */
export class RecordNode extends Node {
  readonly def: RecordDef;
  readonly #values: Map<string, unknown> = new Map();
  readonly #nodes: Map<string, Node> = new Map();
  readonly #visible: Set<string> = new Set();
  #view: object | null = null;

  constructor(def: RecordDef, host: NodeHost, parent: Node, container: number) {
    super(host, parent, container);
    this.def = def;
  }

  has(key: string): boolean {
    return this.def.of.kind === Kind.value ? this.#values.has(key) : this.#visible.has(key);
  }
  keys(): Iterable<string> {
    return this.def.of.kind === Kind.value ? this.#values.keys() : this.#visible;
  }
  shown(key: string): unknown {
    return this.#values.get(key);
  }
  /** A value of another type is as good as none. */
  store(key: string, stored: unknown): void {
    const value = stored === undefined ? MISMATCH : (this.def.of as RegisterDef).read(stored);
    if (value === MISMATCH) this.#values.delete(key);
    else this.#values.set(key, value);
    this.touch();
  }
  /** The container behind a key, visible or not. */
  node(key: string): Node | undefined {
    return this.#nodes.get(key);
  }
  adopt(key: string, node: Node): void {
    this.#nodes.set(key, node);
  }
  show(key: string, visible: boolean): void {
    if (visible) this.#visible.add(key);
    else this.#visible.delete(key);
    this.touch();
  }

  inherit(old: Node): void {
    if (!(old instanceof RecordNode)) return;
    for (const [key, node] of this.#nodes) {
      const before = old.#nodes.get(key);
      if (before !== undefined) node.inherit(before);
    }
    for (const [key, value] of this.#values) if (sameValue(value, old.#values.get(key))) this.#values.set(key, old.#values.get(key));
    const now = this.view();
    if (old.#view !== null && sameEntries(now, old.#view)) this.#view = old.#view;
  }

  view(): object {
    if (!this.dirty && this.#view !== null) return this.#view;
    // No prototype: a key such as `constructor` or `__proto__`, which any peer may write, is only a key.
    const view = Object.create(null) as Record<string, unknown>;
    for (const key of [...this.keys()].sort(byCodeUnit)) view[key] = this.def.of.kind === Kind.value ? this.#values.get(key) : this.#nodes.get(key)!.view();
    this.dirty = false;
    return (this.#view = Object.freeze(view));
  }
}
const byCodeUnit = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

export class ListNode extends Node {
  readonly def: ListDef;
  readonly items: Items = new Items();
  /** Made at the first look-up by id, then kept. */
  #byId: Map<string, Item> | null = null;
  #view: readonly unknown[] | null = null;

  constructor(def: ListDef, host: NodeHost, parent: Node, container: number) {
    super(host, parent, container);
    this.def = def;
  }

  byId(id: string): Item | undefined {
    if (this.#byId === null) {
      this.#byId = new Map();
      for (const item of this.items) this.#byId.set(item.id, item);
    }
    return this.#byId.get(id);
  }
  insert(at: number, item: Item): void {
    this.items.insert(at, item);
    this.#byId?.set(item.id, item);
    this.touch();
  }
  remove(at: number): void {
    const item = this.items.remove(at);
    this.#byId?.delete(item.id);
    this.touch();
  }
  move(from: number, to: number): void {
    this.items.insert(to, this.items.remove(from));
    this.touch();
  }

  inherit(old: Node): void {
    if (!(old instanceof ListNode)) return;
    for (const item of this.items) {
      const before = old.byId(item.id);
      if (before === undefined) continue;
      if (item.node !== null && before.node !== null) item.node.inherit(before.node);
      else if (sameValue(item.value, before.value)) item.value = before.value;
    }
    const now = this.view();
    if (old.#view !== null && sameEntries(now, old.#view)) this.#view = old.#view;
  }

  view(): readonly unknown[] {
    if (!this.dirty && this.#view !== null) return this.#view;
    const view: unknown[] = [];
    for (const item of this.items) view.push(item.node === null ? item.value : item.node.view());
    this.dirty = false;
    return (this.#view = Object.freeze(view));
  }
}

export class TextNode extends Node implements TextSource {
  readonly def: TextDef;
  length = 0;
  readonly #trail: Trail = new Trail(this);
  #observers: Set<TextObserver> | null = null;

  constructor(def: TextDef, host: NodeHost, parent: Node, container: number) {
    super(host, parent, container);
    this.def = def;
  }

  /** The whole text from the core. */
  read(): string {
    return this.container < 0 ? "" : this.host.readText(this.container);
  }
  view(): PinnedText {
    this.dirty = false;
    return this.#trail.version(this.length);
  }
  splice(at: number, inserted: number, deleted: string): void {
    this.length += inserted - deleted.length;
    this.#trail.splice(at, inserted, deleted);
    this.touch();
  }
  /** The core is about to go: what somebody holds must be readable after it. */
  keep(): void {
    this.#trail.keep();
  }
  inherit(old: Node): void {
    if (old instanceof TextNode && old.#trail.given) old.#trail.handOver(this.#trail, this.read());
  }

  get observers(): ReadonlySet<TextObserver> | null {
    return this.#observers;
  }
  observe(f: TextObserver): void {
    (this.#observers ??= new Set()).add(f);
  }
  unobserve(f: TextObserver): void {
    this.#observers?.delete(f);
    if (this.#observers?.size === 0) this.#observers = null;
  }
}
/** Told of splices after a patch was applied whole. */
export interface TextObserver {
  tell(splices: readonly TextSplice[], local: boolean): void;
}

export class CounterNode extends Node {
  readonly def: CounterDef;
  value = 0;

  constructor(def: CounterDef, host: NodeHost, parent: Node, container: number) {
    super(host, parent, container);
    this.def = def;
  }
  set(value: number): void {
    this.value = value;
    this.touch();
  }
  inherit(): void {}
  view(): number {
    this.dirty = false;
    return this.value;
  }
}

/** Register values are frozen JSON of bounded depth. */
const sameValue = (a: unknown, b: unknown): boolean => {
  if (Object.is(a, b)) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null || Array.isArray(a) !== Array.isArray(b)) return false;
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((k) => Object.hasOwn(b, k) && sameValue(Reflect.get(a, k), Reflect.get(b, k)));
};
const sameEntries = (a: object, b: object): boolean => {
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((k) => Object.hasOwn(b, k) && Object.is(Reflect.get(a, k), Reflect.get(b, k)));
};
