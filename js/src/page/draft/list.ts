import { encodeValue } from "../../core/value.ts";
import { Kind, type Where } from "../../core/commands.ts";
import { FreeholdError, kindOf } from "../../errors.ts";
import type { ListDraft, Pos } from "../../types.ts";
import { freezeDeep } from "../fields.ts";
import type { Item } from "../items.ts";
import { type ListNode, ObjectNode } from "../nodes.ts";
import { Editor } from "./editor.ts";
import { editorOf } from "./editors.ts";
import type { ObjectEditor } from "./object.ts";

/** An item of the mirror, or one that this transaction added. */
interface Entry {
  readonly lv: number;
  readonly id: string;
  readonly value: unknown;
  readonly node: ObjectNode | null;
}
type Step =
  | { readonly do: "add"; readonly entry: Entry; readonly where: Where }
  | { readonly do: "delete"; readonly entry: Entry }
  | { readonly do: "move"; readonly entry: Entry; readonly where: Where };

const AT = 0, BEFORE = 1, AFTER = 2;

/**
 * Adding, deleting and moving cost the same however long the list is: the order with this transaction's steps in it is only
 * worked out when somebody reads by position after writing.
 */
export class ListEditor extends Editor<ListNode> implements ListDraft<unknown, unknown> {
  #grown = 0;
  #steps: Step[] = [];
  readonly #added: Map<string, Entry> = new Map();
  readonly #gone: Set<string> = new Set();
  #order: Entry[] | null = null;

  face(): ListDraft<unknown, unknown> {
    return this;
  }
  get length(): number {
    this.check();
    return this.node.items.length + this.#grown;
  }
  get(id: string): unknown {
    this.check();
    const entry = this.#find(id);
    return entry === undefined ? undefined : this.#faceOf(entry);
  }
  at(i: number): unknown {
    const entry = this.#at(i);
    return entry === undefined ? undefined : this.#faceOf(entry);
  }
  idAt(i: number): string | undefined {
    return this.#at(i)?.id;
  }
  *[Symbol.iterator](): Iterator<unknown> {
    this.check();
    const entries = this.#steps.length === 0 ? this.node.items.toArray() : this.#ordered().slice();
    for (const entry of entries) yield this.#faceOf(entry);
  }

  add(v: unknown, to?: Pos): string {
    this.check();
    const def = this.node.def.of;
    const where = this.#where(to, this.length);
    const { txn } = this;
    const c = this.container();
    if (def.kind === Kind.value) {
      const value = def.check(v);
      if (value === undefined) throw new FreeholdError("invalid", "a list cannot hold undefined", "delete the item instead");
      const bytes = encodeValue(value);
      const entry = { lv: txn.nextLv(), id: txn.nextItemId(), value: typeof value === "object" ? freezeDeep(structuredClone(value)) : value, node: null };
      txn.commands.listInsertValue(c, where, bytes);
      this.#added.set(entry.id, entry);
      this.#step({ do: "add", entry, where }, 1);
      return entry.id;
    }
    const node = new ObjectNode(def, this.node.host, this.node, -1, true);
    const entry = { lv: txn.nextLv(), id: txn.nextItemId(), value: undefined, node };
    const index = txn.nextContainer();
    txn.commands.listInsertContainer(c, where, Kind.map, index);
    const editor = editorOf(txn, node, null, "") as ObjectEditor;
    editor.$id = entry.id;
    editor.makeAs(index);
    this.#added.set(entry.id, entry);
    this.#step({ do: "add", entry, where }, 1);
    editor.fill(v);
    return entry.id;
  }
  delete(id: string): boolean {
    this.check();
    const entry = this.#find(id);
    if (entry === undefined) return false;
    this.txn.commands.itemDelete(this.container(), entry.lv, 1);
    this.#added.delete(id);
    this.#gone.add(id);
    this.#step({ do: "delete", entry }, -1);
    return true;
  }
  move(id: string, to: Pos): void {
    this.check();
    const entry = this.#find(id);
    if (entry === undefined) throw unknown(id);
    const where = this.#where(to, this.length - 1);
    if (where.mode !== AT && where.arg === entry.lv) return; // beside itself is where it is
    // The core counts the item that moves, people do not.
    const passes = where.mode === AT && this.#indexOf(entry) < where.arg;
    this.txn.commands.listMove(this.container(), entry.lv, passes ? { mode: AT, arg: where.arg + 1 } : where);
    this.#step({ do: "move", entry, where }, 0);
  }

  fill(input: unknown): void {
    if (!Array.isArray(input)) throw new FreeholdError("invalid", `an array was expected, not ${kindOf(input)}`, "give an array of items");
    for (const v of input as unknown[]) this.add(v);
  }
  clear(): void {
    for (const entry of this.#ordered().slice()) this.delete(entry.id);
  }
  protected forget(): void {
    this.#grown = 0;
    this.#steps = [];
    this.#added.clear();
    this.#gone.clear();
    this.#order = null;
  }

  #find(id: string): Entry | undefined {
    return this.#added.get(id) ?? (this.#gone.has(id) ? undefined : this.node.byId(id));
  }
  #indexOf(entry: Entry): number {
    return this.#steps.length === 0 ? this.node.items.indexOf(entry as Item) : this.#ordered().indexOf(entry);
  }
  #at(i: number): Entry | undefined {
    this.check();
    const index = i < 0 ? this.length + i : i;
    return this.#steps.length === 0 ? this.node.items.at(index) : this.#ordered()[index];
  }
  #faceOf(entry: Entry): unknown {
    if (entry.node !== null) return editorOf(this.txn, entry.node, null, "").face();
    return entry.value;
  }
  #where(to: Pos | undefined, end: number): Where {
    if (to === undefined) return { mode: AT, arg: end };
    if ("at" in to) {
      if (!Number.isInteger(to.at) || to.at < 0 || to.at > end) throw new FreeholdError("invalid", `index ${String(to.at)} is outside of a list of ${end}`, "use a whole number from 0 to length");
      return { mode: AT, arg: to.at };
    }
    const id = "before" in to ? to.before : to.after;
    const entry = this.#find(id);
    if (entry === undefined) throw unknown(id);
    return { mode: "before" in to ? BEFORE : AFTER, arg: entry.lv };
  }
  #step(step: Step, grown: number): void {
    this.remember();
    this.#grown += grown;
    this.#steps.push(step);
    if (this.#order !== null) apply(this.#order, step);
  }
  #ordered(): Entry[] {
    if (this.#order === null) {
      this.#order = this.node.items.toArray();
      for (const step of this.#steps) apply(this.#order, step);
    }
    return this.#order;
  }
}

const apply = (order: Entry[], step: Step): void => {
  if (step.do !== "add") order.splice(order.indexOf(step.entry), 1);
  if (step.do === "delete") return;
  const { mode, arg } = step.where;
  const index = mode === AT ? arg : order.findIndex((e) => e.lv === arg) + (mode === AFTER ? 1 : 0);
  order.splice(index, 0, step.entry);
};

const unknown = (id: string): FreeholdError => new FreeholdError("invalid", `the list has no item ${id}`, "it may have been deleted meanwhile: look for it with get(id) first");
