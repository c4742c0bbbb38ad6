import { FreeholdError } from "../../errors.ts";
import type { CounterDraft } from "../../types.ts";
import type { CounterNode } from "../nodes.ts";
import { Editor } from "./editor.ts";

export class CounterEditor extends Editor<CounterNode> implements CounterDraft {
  #added = 0;

  face(): CounterDraft {
    return this;
  }
  get value(): number {
    this.check();
    return this.node.value + this.#added;
  }
  add(n: number): void {
    this.check();
    const sum = this.node.value + this.#added + n;
    if (!Number.isSafeInteger(n) || !Number.isSafeInteger(sum)) {
      throw new FreeholdError("invalid", `a counter cannot add ${String(n)}`, "add integers; the sum stays within ±(2^53 − 1)");
    }
    if (n === 0) return;
    this.txn.commands.counterAdd(this.container(), n);
    this.remember();
    this.#added += n;
  }
  fill(input: unknown): void {
    this.add(input as number);
  }
  clear(): void {
    this.add(-this.value);
  }
  protected forget(): void {
    this.#added = 0;
  }
}
