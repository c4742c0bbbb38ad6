import { isWellFormed } from "../../core/value.ts";
import { FreeholdError, kindOf } from "../../errors.ts";
import type { TextDraft } from "../../types.ts";
import type { TextNode } from "../textnode.ts";
import { Editor } from "./editor.ts";

/** Entries kept between transactions. */
const FEW = 48;

/** The fastest path of the package: one insertion is one command and no allocation but its overlay entry. */
export class TextEditor<N extends TextNode = TextNode> extends Editor<N> implements TextDraft {
  /** Units more (or less) than the node has. */
  #grown = 0;
  /** What this transaction did, for whoever reads in the middle of it: at, deleted, inserted, one after the other; the first `#count` count. */
  readonly #edits: (number | string)[] = [];
  #count = 0;

  face(): TextDraft {
    return this;
  }
  get length(): number {
    this.check();
    return this.node.length + this.#grown;
  }
  insert(at: number, text: string): void {
    this.check();
    const length = this.node.length + this.#grown;
    if (!Number.isInteger(at) || at < 0 || at > length) throw outside(at, length);
    if (typeof text !== "string") throw new FreeholdError("invalid", `a text takes strings, not ${kindOf(text)}`, "insert a string");
    if (!isWellFormed(text)) throw new FreeholdError("invalid", "the inserted text holds half of a surrogate pair", "insert whole characters");
    if (text.length === 0) return;
    this.txn.commands.textInsert(this.container(), at, text);
    this.inserted(at, text);
  }
  /** Text that a command has put there. */
  protected inserted(at: number, text: string): void {
    this.#note(at, 0, text);
    this.#grown += text.length;
  }
  /** Refuses a range that is not there. */
  protected range(at: number, count: number): void {
    this.check();
    const length = this.node.length + this.#grown;
    if (!Number.isInteger(at) || !Number.isInteger(count) || at < 0 || count < 0) throw outside(at, length);
    if (at + count > length) throw outside(at + count, length);
  }
  delete(at: number, count: number): void {
    this.range(at, count);
    if (count === 0) return;
    this.txn.commands.textDelete(this.container(), at, count);
    this.#note(at, count, "");
    this.#grown -= count;
  }
  override toString(): string {
    this.check();
    let text = this.node.view().toString();
    const edits = this.#edits;
    for (let i = 0; i < this.#count; i += 3) {
      const at = edits[i] as number;
      text = text.slice(0, at) + (edits[i + 2] as string) + text.slice(at + (edits[i + 1] as number));
    }
    return text;
  }
  fill(input: unknown): void {
    this.insert(this.length, input as string);
  }
  clear(): void {
    this.delete(0, this.length);
  }

  #note(at: number, deleted: number, inserted: string): void {
    this.remember();
    const edits = this.#edits;
    edits[this.#count] = at;
    edits[this.#count + 1] = deleted;
    edits[this.#count + 2] = inserted;
    this.#count += 3;
  }
  protected forget(): void {
    this.#grown = 0;
    if (this.#count > FEW) this.#edits.length = 0;
    this.#count = 0;
  }
}

const outside = (at: number, length: number): FreeholdError =>
  new FreeholdError("invalid", `position ${String(at)} is outside of a text of ${length}`, "positions are whole numbers from 0 to length, counted in UTF-16 units");
