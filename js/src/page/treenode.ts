// Trees in the mirror.

import type { TreeDef } from "./fields.ts";
import { type Item, Items } from "./items.ts";
import { Node, type NodeHost, sameEntries, sameValue } from "./node.ts";

/** Levels that views show. People nest far less; readers recurse, and a hostile writer can nest as deep as he likes. What is below stays in the core. */
export const MAX_LEVELS = 256;

/** One node of a tree: its item, and those below it. */
export class Branch extends Node {
  readonly def: TreeDef;
  readonly item: Item;
  readonly children: Items<Branch> = new Items();
  #view: object | null = null;
  /** Levels below it, as far as the view shows them; Infinity when it does not show all. */
  #height = 0;

  constructor(tree: TreeNode, item: Item) {
    super(tree.host, tree, -1);
    this.def = tree.def;
    this.item = item;
    if (item.node !== null) item.node.parent = this;
  }

  view(): object {
    return this.shown(0);
  }
  /** The view at a level of the tree. */
  shown(level: number): object {
    if (!this.dirty && this.#view !== null && level + this.#height <= MAX_LEVELS) return this.#view;
    const { item } = this;
    let height = 0;
    const children: object[] = [];
    if (level === MAX_LEVELS) height = this.children.length === 0 ? 0 : Infinity;
    else {
      for (const child of this.children) {
        children.push(child.shown(level + 1));
        height = Math.max(height, child.#height + 1);
      }
    }
    const before = this.#view as { readonly children: readonly object[] } | null;
    const below = before !== null && sameEntries(children, before.children) ? before.children : Object.freeze(children);
    const view = item.node === null ? { $id: item.id, value: item.value, children: below } : Object.assign({}, item.node.view(), { children: below });
    this.dirty = false;
    this.#height = height;
    return (this.#view = before !== null && sameEntries(view, before) ? before : Object.freeze(view));
  }
  inherit(old: Node): void {
    if (!(old instanceof Branch)) return;
    const { item } = this;
    if (item.node !== null && old.item.node !== null) item.node.inherit(old.item.node);
    else if (sameValue(item.value, old.item.value)) item.value = old.item.value;
    this.#view = old.#view; // kept where it turns out equal
  }
}

export class TreeNode extends Node {
  readonly def: TreeDef;
  /** The outermost nodes. */
  readonly children: Items<Branch> = new Items();
  readonly #byLv: Map<number, Branch> = new Map();
  /** Made at the first look-up by id, then kept. */
  #byId: Map<string, Branch> | null = null;
  #view: readonly unknown[] | null = null;

  constructor(def: TreeDef, host: NodeHost, parent: Node, container: number) {
    super(host, parent, container);
    this.def = def;
  }

  byId(id: string): Branch | undefined {
    if (this.#byId === null) {
      this.#byId = new Map();
      for (const branch of this.#byLv.values()) this.#byId.set(branch.item.id, branch);
    }
    return this.#byId.get(id);
  }
  /** `parent`: 0 for the root, else a local version + 1. */
  insert(parent: number, at: number, item: Item): void {
    const branch = new Branch(this, item);
    this.#byLv.set(item.lv, branch);
    this.#byId?.set(item.id, branch);
    this.#put(branch, parent, at);
  }
  remove(lv: number): void {
    const branch = this.#take(lv);
    this.#byLv.delete(lv);
    this.#byId?.delete(branch.item.id);
  }
  move(lv: number, parent: number, at: number): void {
    this.#put(this.#take(lv), parent, at);
  }
  #put(branch: Branch, parent: number, at: number): void {
    const above = parent === 0 ? this : this.#byLv.get(parent - 1)!;
    above.children.insert(at, branch);
    branch.parent = above;
    above.touch();
  }
  #take(lv: number): Branch {
    const branch = this.#byLv.get(lv)!;
    const above = branch.parent as Branch | TreeNode;
    above.children.remove(above.children.indexOf(branch));
    above.touch();
    return branch;
  }

  inherit(old: Node): void {
    if (!(old instanceof TreeNode)) return;
    for (const branch of this.#byLv.values()) {
      const before = old.byId(branch.item.id);
      if (before !== undefined) branch.inherit(before);
    }
    this.#view = old.#view;
  }
  view(): readonly unknown[] {
    if (!this.dirty && this.#view !== null) return this.#view;
    const view: unknown[] = [];
    for (const branch of this.children) view.push(branch.shown(1));
    this.dirty = false;
    return (this.#view = this.#view !== null && sameEntries(view, this.#view) ? this.#view : Object.freeze(view));
  }
}
