import { encodeValue, isWellFormed } from "../../core/value.ts";
import { Kind } from "../../core/commands.ts";
import { FreeholdError } from "../../errors.ts";
import type { RecordDraft } from "../../types.ts";
import type { ChildDef, RegisterDef } from "../fields.ts";
import type { Node } from "../node.ts";
import { childNode, type RecordNode } from "../nodes.ts";
import { Editor } from "./editor.ts";
import { editorOf } from "./editors.ts";

/** What this transaction made of an entry: a value, a container (its node), or nothing. */
type Change = { readonly value: unknown } | { readonly node: Node } | null;

export class RecordEditor extends Editor<RecordNode> implements RecordDraft<unknown, unknown> {
  readonly #changeByKey: Map<string, Change> = new Map();
  /** Containers that this transaction made, kept when it hides them again. */
  readonly #made: Map<string, Node> = new Map();

  face(): RecordDraft<unknown, unknown> {
    return this;
  }
  has(key: string): boolean {
    this.check();
    const change = this.#changeByKey.get(key);
    return change === undefined ? this.node.has(key) : change !== null;
  }
  get(key: string): unknown {
    if (!this.has(key)) return undefined;
    const change = this.#changeByKey.get(key);
    if (change && "value" in change) return change.value;
    if (this.node.def.of.kind === Kind.value) return this.node.shown(key);
    return this.#editor(change && "node" in change ? change.node : this.node.node(key)!).face();
  }
  set(key: string, v: unknown): unknown {
    this.check();
    if (typeof key !== "string" || !isWellFormed(key)) throw new FreeholdError("invalid", "a record's key must be a string of whole characters", "check the key");
    const def = this.node.def.of;
    const { commands } = this.txn;
    if (def.kind === Kind.value) {
      const value = (def as RegisterDef).check(v);
      if (value === undefined) throw new FreeholdError("invalid", "a record cannot hold undefined", "delete the key instead");
      const bytes = encodeValue(value);
      commands.mapSet(this.container(), key, bytes);
      this.#note(key, { value });
      return value;
    }
    const node = this.#container(key, def);
    const editor = this.#editor(node);
    commands.recordPut(this.container(), key, def.kind);
    this.#note(key, { node });
    // The same key is the same container for everybody: what a deleted entry held comes back with it, unless taken out.
    editor.clear();
    editor.fill(v);
    return editor.face();
  }
  delete(key: string): boolean {
    if (!this.has(key)) return false;
    this.txn.commands.mapDelete(this.container(), key);
    this.#note(key, null);
    return true;
  }
  *keys(): Iterable<string> {
    this.check();
    const keys = new Set(this.node.keys());
    for (const [key, change] of this.#changeByKey) {
      if (change === null) keys.delete(key);
      else keys.add(key);
    }
    yield* keys;
  }

  fill(input: unknown): void {
    if (typeof input !== "object" || input === null || Array.isArray(input)) throw new FreeholdError("invalid", "a record takes an object", "give an object of entries");
    for (const [key, v] of Object.entries(input)) this.set(key, v);
  }
  clear(): void {
    for (const key of [...this.keys()]) this.delete(key);
  }
  protected forget(): void {
    this.#changeByKey.clear();
    this.#made.clear();
  }

  #note(key: string, change: Change): void {
    this.remember();
    this.#changeByKey.set(key, change);
  }
  #editor(node: Node): Editor {
    return editorOf(this.txn, node, null, "");
  }
  /** The container behind a key, named now if nobody has. */
  #container(key: string, def: ChildDef): Node {
    const known = this.node.node(key) ?? this.#made.get(key);
    if (known !== undefined) return known;
    const above = this.container();
    const node = childNode(def, this.node.host, this.node, -1);
    const index = this.txn.nextContainer();
    this.txn.commands.child(above, def.kind, key, index);
    this.#editor(node).makeAs(index);
    this.#made.set(key, node);
    return node;
  }
}
