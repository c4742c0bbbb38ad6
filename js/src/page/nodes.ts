// The nodes of containers that hold others, and of counters.

import { Kind } from "../core/commands.ts";
import type { ChildDef, CounterDef, ListDef, ObjectDef, RecordDef, RegisterDef, ShapeDef } from "./fields.ts";
import { MISMATCH, shown } from "./fields.ts";
import { type Item, Items } from "./items.ts";
import { Node, type NodeHost, sameEntries, sameValue } from "./node.ts";
import { RichTextNode, TextNode } from "./textnode.ts";
import { TreeNode } from "./treenode.ts";

/** The node for a child of that definition. */
export const childNode = (def: ChildDef, host: NodeHost, parent: Node, container: number): Node => {
  switch (def.kind) {
    case Kind.map: return new ObjectNode(def, host, parent, container);
    case Kind.record: return new RecordNode(def, host, parent, container);
    case Kind.list: return new ListNode(def, host, parent, container);
    case Kind.text: return new TextNode(def, host, parent, container);
    case Kind.richText: return new RichTextNode(def, host, parent, container);
    case Kind.tree: return new TreeNode(def, host, parent, container);
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

  /** `item`: an item of a list or a node of a tree, which carries its id; known a little later, when the item is. */
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
  readonly items: Items<Item> = new Items();
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
