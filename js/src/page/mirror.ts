// The page's picture of one document: applies the core's patches to nodes. The twin of the state in the core, never ahead of it.

import { Kind } from "../core/commands.ts";
import type { Core } from "../core/core.ts";
import { type PatchSink, readPatch } from "../core/patch.ts";
import { type ChildDef, type ObjectDef, shown } from "./fields.ts";
import { Item } from "./items.ts";
import type { Node, NodeHost } from "./node.ts";
import { childNode, CounterNode, ListNode, ObjectNode, RecordNode } from "./nodes.ts";
import type { Splice } from "./pinnedtext.ts";
import { SessionTable } from "./sessions.ts";
import { RichTextNode, TextNode } from "./textnode.ts";
import { TreeNode } from "./treenode.ts";

/** The container of an object that another version put where the schema says object: shown with defaults, not editable. */
export const ALIEN = -2;

/** Flags of a mark that grows at its end. */
const GROWS = 2;

/** The register of the root in which a document says of what type it is. No field can have this name. */
export const TYPE = "$type";

export class Mirror implements PatchSink {
  readonly root: ObjectNode;
  /** What the document says to be; null while it has not. */
  type: string | null = null;
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

  /** Where a mark of a rich text grows; one that the schema does not know at its end, as most do. */
  flagsOf(c: number, key: string): number {
    const node = this.#containers[c];
    return (node instanceof RichTextNode ? node.def.marks.get(key)?.flags : undefined) ?? GROWS;
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
    const fits = (above instanceof ListNode || above instanceof TreeNode) && above.def.of.kind === Kind.map && kind === Kind.map;
    this.#containers[index] = fits ? new ObjectNode(above.def.of as ObjectDef, this.#host, above, index, true) : null;
  }

  text(c: number, at: number, inserted: number, deleted: string): void {
    const node = this.#containers[c];
    if (!(node instanceof TextNode)) return;
    node.splice(at, inserted, deleted);
    if (node.observers !== null) this.#observe(node).push({ at, inserted, deleted });
  }
  marks(c: number, from: number, to: number): void {
    const node = this.#containers[c];
    if (!(node instanceof RichTextNode)) return;
    node.marked(from, to);
    if (node.observers !== null) this.#observe(node);
  }
  #observe(node: TextNode): Splice[] {
    let splices = this.#spliced.get(node);
    if (splices === undefined) this.#spliced.set(node, (splices = []));
    return splices;
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
    if (node === this.root && key === TYPE) this.type = typeof value === "string" ? value : null;
    else if (node instanceof ObjectNode) this.#store(node, key, value);
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
    if (list instanceof ListNode) list.insert(at, this.#valueItem(list, lv, session, seq, value));
  }
  insertContainer(c: number, at: number, lv: number, session: number, seq: number, _kind: number, container: number): void {
    const list = this.#containers[c];
    if (list instanceof ListNode) list.insert(at, this.#containerItem(list, lv, session, seq, container));
  }
  insertNodeValue(c: number, parent: number, at: number, lv: number, session: number, seq: number, value: unknown): void {
    const tree = this.#containers[c];
    if (tree instanceof TreeNode) tree.insert(parent, at, this.#valueItem(tree, lv, session, seq, value));
  }
  insertNodeContainer(c: number, parent: number, at: number, lv: number, session: number, seq: number, container: number): void {
    const tree = this.#containers[c];
    if (tree instanceof TreeNode) tree.insert(parent, at, this.#containerItem(tree, lv, session, seq, container));
  }
  // An item of another type than the schema's still has its place, or every later index would be off by one.
  #valueItem(above: ListNode | TreeNode, lv: number, session: number, seq: number, value: unknown): Item {
    const { of } = above.def;
    return of.kind === Kind.value ? new Item(lv, this.#sessions, session, seq, shown(of, value), null) : this.#objectItem(above, lv, session, seq, null);
  }
  #containerItem(above: ListNode | TreeNode, lv: number, session: number, seq: number, container: number): Item {
    const { of } = above.def;
    const known = this.#containers[container];
    return of.kind === Kind.value ? new Item(lv, this.#sessions, session, seq, of.fallback, null) : this.#objectItem(above, lv, session, seq, known instanceof ObjectNode ? known : null);
  }
  #objectItem(above: ListNode | TreeNode, lv: number, session: number, seq: number, known: ObjectNode | null): Item {
    const node = known ?? new ObjectNode(above.def.of as ObjectDef, this.#host, above, ALIEN, true);
    const item = new Item(lv, this.#sessions, session, seq, undefined, node);
    node.setId(item.id);
    return item;
  }
  removeItem(c: number, at: number, _lv: number): void {
    const list = this.#containers[c];
    if (list instanceof ListNode) list.remove(at);
  }
  moveItem(c: number, from: number, to: number, _lv: number): void {
    const list = this.#containers[c];
    if (list instanceof ListNode) list.move(from, to);
  }
  removeNode(c: number, lv: number): void {
    const tree = this.#containers[c];
    if (tree instanceof TreeNode) tree.remove(lv);
  }
  moveNode(c: number, lv: number, parent: number, at: number): void {
    const tree = this.#containers[c];
    if (tree instanceof TreeNode) tree.move(lv, parent, at);
  }
  counter(c: number, value: number): void {
    const node = this.#containers[c];
    if (node instanceof CounterNode) node.set(value);
  }
}
