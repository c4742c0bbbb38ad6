import { encodeValue } from "../../core/value.ts";
import { Kind, type Where } from "../../core/commands.ts";
import { FreeholdError, kindOf } from "../../errors.ts";
import type { TreeDraft, TreePos } from "../../types.ts";
import { freezeDeep } from "../fields.ts";
import { ObjectNode } from "../nodes.ts";
import { Branch, type TreeNode } from "../treenode.ts";
import { Editor } from "./editor.ts";
import { editorOf } from "./editors.ts";
import type { ObjectEditor } from "./object.ts";

/** A node of the mirror, or one that this transaction added. */
interface Twig {
  readonly item: { readonly lv: number; readonly id: string; readonly value: unknown; readonly node: ObjectNode | null };
}
/** Where a node goes: the row of its parent, and the index in it. */
interface Place {
  readonly parent: Twig | null;
  readonly index: number;
  readonly where: Where;
}

const AT = 0, BEFORE = 1, AFTER = 2;

/** The rows that this transaction changed are copies; all others are the mirror's. */
export class TreeEditor extends Editor<TreeNode> implements TreeDraft<unknown, unknown> {
  readonly #rows: Map<Twig | null, Twig[]> = new Map();
  readonly #parents: Map<Twig, Twig | null> = new Map();
  readonly #added: Map<string, Twig> = new Map();
  readonly #gone: Set<string> = new Set();

  face(): TreeDraft<unknown, unknown> {
    return this;
  }
  get(id: string): unknown {
    this.check();
    const item = this.#find(id)?.item;
    if (item === undefined) return undefined;
    return item.node === null ? item.value : editorOf(this.txn, item.node, null, "").face();
  }
  children(id?: string): readonly string[] {
    this.check();
    return this.#row(id === undefined ? null : this.#known(id)).map((twig) => twig.item.id);
  }
  parent(id: string): string | undefined {
    this.check();
    return this.#above(this.#known(id))?.item.id;
  }

  add(v: unknown, to: TreePos = {}): string {
    this.check();
    const { below, own } = this.#taken(v);
    const def = this.node.def.of;
    const place = this.#place(to, null);
    const { txn } = this;
    const c = this.container();
    const known = { lv: txn.nextLv(), id: txn.nextItemId() };
    const parent = numberOf(place.parent);
    if (def.kind === Kind.value) {
      const value = def.check(own);
      if (value === undefined) throw new FreeholdError("invalid", "a tree cannot hold undefined", "delete the node instead");
      txn.commands.nodeInsertValue(c, parent, place.where, encodeValue(value));
      this.#put({ item: { ...known, value: typeof value === "object" ? freezeDeep(structuredClone(value)) : value, node: null } }, place);
    } else {
      const node = new ObjectNode(def, this.node.host, this.node, -1, true);
      const index = txn.nextContainer();
      txn.commands.nodeInsertContainer(c, parent, place.where, Kind.map, index);
      const editor = editorOf(txn, node, null, "") as ObjectEditor;
      editor.$id = known.id;
      editor.makeAs(index);
      this.#put({ item: { ...known, value: undefined, node } }, place);
      editor.fill(own);
    }
    for (const child of below) this.add(child, { parent: known.id });
    return known.id;
  }
  delete(id: string): boolean {
    this.check();
    const twig = this.#find(id);
    if (twig === undefined) return false;
    const all = [twig];
    for (const each of all) all.push(...this.#row(each)); // grows while it is walked
    this.txn.commands.itemDelete(this.container(), twig.item.lv, all.length);
    this.#take(twig);
    for (const each of all) {
      this.#added.delete(each.item.id);
      this.#gone.add(each.item.id);
    }
    return true;
  }
  move(id: string, to: TreePos): void {
    this.check();
    const twig = this.#known(id);
    const place = this.#place(to, twig);
    for (let up = place.parent; up !== null; up = this.#above(up)) {
      if (up === twig) throw new FreeholdError("invalid", "a node cannot stand below itself", "move what is below it first");
    }
    if (place.where.mode !== AT && place.where.arg === twig.item.lv) return; // beside itself is where it is
    // The core counts the node that moves, people do not.
    const passes = place.where.mode === AT && this.#above(twig) === place.parent && this.#row(place.parent).indexOf(twig) < place.index;
    this.txn.commands.nodeMove(this.container(), twig.item.lv, numberOf(place.parent), passes ? { mode: AT, arg: place.index + 1 } : place.where);
    this.#take(twig);
    this.#put(twig, place);
  }

  fill(input: unknown): void {
    if (!Array.isArray(input)) throw new FreeholdError("invalid", `an array was expected, not ${kindOf(input)}`, "give an array of nodes");
    for (const v of input as unknown[]) this.add(v);
  }
  clear(): void {
    for (const id of this.children()) this.delete(id);
  }
  protected forget(): void {
    this.#rows.clear();
    this.#parents.clear();
    this.#added.clear();
    this.#gone.clear();
  }

  /** An input taken apart: the nodes below, and what the node itself is made of. */
  #taken(v: unknown): { readonly below: readonly unknown[]; readonly own: unknown } {
    if (typeof v !== "object" || v === null) throw new FreeholdError("invalid", `a node is an object, not ${String(v)}`, "give its fields (a register as value), and children if it has any");
    const { children = [], ...own } = v as { readonly children?: unknown };
    if (!Array.isArray(children)) throw new FreeholdError("invalid", "children are no array", "give an array of nodes");
    return { below: children, own: this.node.def.of.kind === Kind.value ? (own as { readonly value?: unknown }).value : own };
  }
  #find(id: string): Twig | undefined {
    return this.#added.get(id) ?? (this.#gone.has(id) ? undefined : this.node.byId(id));
  }
  #known(id: string): Twig {
    const twig = this.#find(id);
    if (twig === undefined) throw new FreeholdError("invalid", `the tree has no node ${id}`, "it may have been deleted meanwhile: look for it with get(id) first");
    return twig;
  }
  #row(parent: Twig | null): readonly Twig[] {
    const row = this.#rows.get(parent);
    if (row !== undefined) return row;
    return parent === null ? this.node.children.toArray() : parent instanceof Branch ? parent.children.toArray() : [];
  }
  #above(twig: Twig): Twig | null {
    const parent = this.#parents.get(twig);
    if (parent !== undefined) return parent;
    return twig instanceof Branch && twig.parent instanceof Branch ? twig.parent : null;
  }
  /** `moved` stands somewhere already, and is not counted. */
  #place(to: TreePos, moved: Twig | null): Place {
    if (Number(to.before !== undefined) + Number(to.after !== undefined) + Number(to.at !== undefined) > 1) {
      throw new FreeholdError("invalid", "a place was said twice", "say one of before, after and at");
    }
    const beside = to.before ?? to.after;
    if (beside !== undefined) {
      const other = this.#known(beside);
      const parent = this.#above(other);
      if (to.parent !== undefined && to.parent !== parent?.item.id) throw new FreeholdError("invalid", `${beside} is not right below ${to.parent}`, "leave the parent out: it is that of the other node");
      const row = this.#row(parent).filter((twig) => twig !== moved);
      return { parent, index: row.indexOf(other) + (to.after === undefined ? 0 : 1), where: { mode: to.after === undefined ? BEFORE : AFTER, arg: other.item.lv } };
    }
    const parent = to.parent === undefined ? null : this.#known(to.parent);
    const end = this.#row(parent).length - (moved !== null && this.#above(moved) === parent ? 1 : 0);
    const index = to.at ?? end;
    if (!Number.isInteger(index) || index < 0 || index > end) throw new FreeholdError("invalid", `index ${String(index)} is outside of a row of ${end}`, "use a whole number from 0 to its length");
    return { parent, index, where: { mode: AT, arg: index } };
  }
  #put(twig: Twig, place: Place): void {
    this.remember();
    this.#copy(place.parent).splice(place.index, 0, twig);
    this.#parents.set(twig, place.parent);
    if (!(twig instanceof Branch)) this.#added.set(twig.item.id, twig);
  }
  #take(twig: Twig): void {
    this.remember();
    const row = this.#copy(this.#above(twig));
    row.splice(row.indexOf(twig), 1);
  }
  #copy(parent: Twig | null): Twig[] {
    let row = this.#rows.get(parent);
    if (row === undefined) this.#rows.set(parent, (row = [...this.#row(parent)]));
    return row;
  }
}

/** A parent as the boundary names it. */
const numberOf = (parent: Twig | null): number => (parent === null ? 0 : parent.item.lv + 1);
