// The page's picture of one document: applies the core's patches to nodes. The twin of the state in the core, never ahead of it.

import { Kind } from "../core/commands.ts";
import type { Core } from "../core/core.ts";
import { type PatchSink, readPatch } from "../core/patch.ts";
import { type ChildDef, type ObjectDef, shown } from "./fields.ts";
import { Item } from "./items.ts";
import { childNode, CounterNode, ListNode, type Node, type NodeHost, ObjectNode, RecordNode, TextNode } from "./nodes.ts";
import type { Splice } from "./pinnedtext.ts";
import { SessionTable } from "./sessions.ts";

/** The container of an object that another version put where the schema says object: shown with defaults, not editable. */
export const ALIEN = -2;

export class Mirror implements PatchSink {
  readonly root: ObjectNode;
  readonly #host: NodeHost;
  readonly #sessions: SessionTable = new SessionTable();
  /** By index; null for what the schema does not know, which stays in the core unseen. */
  readonly #containers: (Node | null)[] = [];
  #spliced: Map<TextNode, Splice[]> = new Map();

  constructor(root: ObjectDef, host: NodeHost) {
    this.#host = host;
    this.root = new ObjectNode(root, host, null, 0);
    this.#containers.push(this.root);
  }

  /** Applies the output of the core's last call. */
  apply(core: Core): void {
    readPatch(core, this);
  }
  /** Every text, for the moment before the core goes away. */
  *texts(): Iterable<TextNode> {
    for (const node of this.#containers) if (node instanceof TextNode) yield node;
  }

  session(index: number, id: Uint8Array): void {
    this.#sessions.set(index, id);
  }

  childContainer(index: number, parent: number, kind: number, key: string): void {
    const above = this.#containers[parent];
    let node: Node | null = null;
    if (above instanceof ObjectNode) {
      const field = above.shape.indexByKey.get(key);
      if (field !== undefined && kind !== Kind.value && above.shape.fields[field]!.kind === kind) node = above.child(field);
    } else if (above instanceof RecordNode && kind !== Kind.value && above.def.of.kind === kind) {
      node = childNode(above.def.of as ChildDef, this.#host, above, index);
      above.adopt(key, node);
    }
    if (node !== null) node.container = index;
    this.#containers[index] = node;
  }

  itemContainer(index: number, parent: number, kind: number, _item: number): void {
    const above = this.#containers[parent];
    const fits = above instanceof ListNode && above.def.of.kind === Kind.map && kind === Kind.map;
    this.#containers[index] = fits ? new ObjectNode(above.def.of as ObjectDef, this.#host, above, index, true) : null;
  }

  text(c: number, at: number, inserted: number, deleted: string): void {
    const node = this.#containers[c];
    if (!(node instanceof TextNode)) return;
    node.splice(at, inserted, deleted);
    if (node.observers !== null) this.#observe(node, { at, inserted, deleted });
  }
  #observe(node: TextNode, splice: Splice): void {
    const before = this.#spliced.get(node);
    if (before === undefined) this.#spliced.set(node, [splice]);
    else before.push(splice);
  }
  /** What happened to observed texts since the last time, for telling them. */
  takeSpliced(): ReadonlyMap<TextNode, readonly Splice[]> | null {
    if (this.#spliced.size === 0) return null;
    const spliced = this.#spliced;
    this.#spliced = new Map();
    return spliced;
  }
  textLength(c: number, length: number): void {
    const node = this.#containers[c];
    if (!(node instanceof TextNode)) return;
    node.length = length;
    node.touch();
  }

  set(c: number, key: string, value: unknown): void {
    const node = this.#containers[c];
    if (node instanceof ObjectNode) this.#store(node, key, value);
    else if (node instanceof RecordNode && node.def.of.kind === Kind.value) node.store(key, value);
  }
  delete(c: number, key: string): void {
    const node = this.#containers[c];
    if (node instanceof ObjectNode) this.#store(node, key, undefined);
    else if (node instanceof RecordNode) {
      if (node.def.of.kind === Kind.value) node.store(key, undefined);
      else node.show(key, false);
    }
  }
  #store(node: ObjectNode, key: string, value: unknown): void {
    const field = node.shape.indexByKey.get(key);
    if (field !== undefined && node.shape.fields[field]!.kind === Kind.value) node.store(field, value);
  }
  recordChild(c: number, key: string, _kind: number, container: number, visible: boolean): void {
    const node = this.#containers[c];
    if (node instanceof RecordNode && node.node(key) !== undefined && node.node(key) === this.#containers[container]) node.show(key, visible);
  }

  insertValue(c: number, at: number, lv: number, session: number, seq: number, value: unknown): void {
    const list = this.#containers[c];
    if (!(list instanceof ListNode)) return;
    // An item of another type than the schema's still has its place, or every later index would be off by one.
    const { of } = list.def;
    if (of.kind === Kind.value) this.#insert(list, at, new Item(lv, this.#sessions, session, seq, shown(of, value), null));
    else this.#insert(list, at, new Item(lv, this.#sessions, session, seq, undefined, this.#alien(list, of)));
  }
  insertContainer(c: number, at: number, lv: number, session: number, seq: number, _kind: number, container: number): void {
    const list = this.#containers[c];
    if (!(list instanceof ListNode)) return;
    const { of } = list.def;
    const known = this.#containers[container];
    if (of.kind === Kind.value) this.#insert(list, at, new Item(lv, this.#sessions, session, seq, of.fallback, null));
    else this.#insert(list, at, new Item(lv, this.#sessions, session, seq, undefined, known instanceof ObjectNode ? known : this.#alien(list, of)));
  }
  #alien(list: ListNode, of: ObjectDef): ObjectNode {
    return new ObjectNode(of, this.#host, list, ALIEN, true);
  }
  #insert(list: ListNode, at: number, item: Item): void {
    item.node?.setId(item.id);
    list.insert(at, item);
  }
  removeItem(c: number, at: number, _lv: number): void {
    const list = this.#containers[c];
    if (list instanceof ListNode) list.remove(at);
  }
  moveItem(c: number, from: number, to: number, _lv: number): void {
    const list = this.#containers[c];
    if (list instanceof ListNode) list.move(from, to);
  }
  counter(c: number, value: number): void {
    const node = this.#containers[c];
    if (node instanceof CounterNode) node.set(value);
  }
}
