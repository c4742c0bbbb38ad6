// What all editors share: finding the container they write to, naming it first if nobody has.

import { FreeholdError } from "../../errors.ts";
import type { Node } from "../node.ts";
import { Strict } from "./strict.ts";
import type { Overlay, Transaction } from "./transaction.ts";

export abstract class Editor<N extends Node = Node> extends Strict implements Overlay {
  readonly txn: Transaction;
  readonly node: N;
  readonly #parent: Editor | null;
  readonly #key: string;
  /** The index that the container will have; −1 when there is none yet or the node knows it. */
  #predicted = -1;
  #remembered = false;
  #over = false;

  /** `parent` and `key` name a child that may not exist yet. */
  constructor(txn: Transaction, node: N, parent: Editor | null, key: string) {
    super();
    this.txn = txn;
    this.node = node;
    this.#parent = parent;
    this.#key = key;
  }

  /** What the callback of `change` gets. */
  abstract face(): unknown;
  /** Writes an input into the empty container. Throws FreeholdError("invalid" | "too-large"). */
  abstract fill(input: unknown): void;
  /** Removes all content. */
  abstract clear(): void;
  /** Forgets what this transaction did. */
  protected abstract forget(): void;

  /** For a container that this transaction makes as the item of a list or the entry of a record: it lives as an editor until the end of it. */
  makeAs(index: number): void {
    this.#predicted = index;
    this.remember();
  }
  /** The container's index; a child that nobody has written to is named first. */
  protected container(): number {
    const { container } = this.node;
    if (container >= 0) return container;
    if (this.#predicted >= 0) return this.#predicted;
    if (this.#parent === null) throw new FreeholdError("invalid", "this item was written by another version of the app", "update the app to edit it");
    const above = this.#parent.container();
    this.#predicted = this.txn.nextContainer();
    this.txn.commands.child(above, this.node.def.kind, this.#key, this.#predicted);
    this.remember();
    return this.#predicted;
  }
  protected check(): void {
    this.txn.check();
    if (this.#over) throw new FreeholdError("invalid", "a draft of an item was used after its change()", "ask for it again by its id");
  }
  /** Before the first overlay. */
  protected remember(): void {
    if (this.#remembered) return;
    this.#remembered = true;
    this.txn.remember(this);
  }
  reset(): void {
    this.forget();
    this.#remembered = false;
    // A provisional node is replaced by the mirror's own; a failed one never was.
    if (this.#predicted >= 0 && this.#parent === null) this.#over = true;
    this.#predicted = -1;
  }
}
