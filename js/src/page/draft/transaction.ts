// One `change` in the making. Editors write commands; the numbers that the core will give are counted along.

import type { Commands } from "../../core/commands.ts";
import { FreeholdError } from "../../errors.ts";
import { itemId } from "../sessions.ts";

/** What an editor forgets when the transaction is over, whichever way. */
export interface Overlay {
  reset(): void;
}

/** Places kept between transactions. */
const FEW = 16;
const LATE = "a draft was used outside of its change()";

export class Transaction {
  open = false;
  commands!: Commands;
  #session = "";
  #lv = 0;
  #seq = 0;
  #containers = 0;
  /** The first `#count` are this transaction's; the array is kept, as transactions come by the thousand. */
  readonly #overlays: Overlay[] = [];
  #count = 0;

  /** The numbers that the core will give next, from its header. */
  begin(commands: Commands, session: string, lv: number, seq: number, containers: number): void {
    this.commands = commands;
    this.#session = session;
    this.#lv = lv;
    this.#seq = seq;
    this.#containers = containers;
    commands.begin();
    this.open = true;
  }
  end(): void {
    this.open = false;
    for (let i = 0; i < this.#count; i++) this.#overlays[i]!.reset();
    if (this.#count > FEW) this.#overlays.length = FEW;
    this.#count = 0;
  }

  /** Every use of a draft passes here. */
  check(): void {
    if (!this.open) throw new FreeholdError("invalid", LATE, "keep ids or values, and ask for the draft again inside change()");
  }
  /** `reset` will be called once when the transaction ends. */
  remember(overlay: Overlay): void {
    this.#overlays[this.#count++] = overlay;
  }
  nextContainer(): number {
    return this.#containers++;
  }
  /** Local version and stable id of the item that the next command inserts. */
  nextLv(): number {
    return this.#lv + this.commands.operations;
  }
  nextItemId(): string {
    return itemId(this.#seq + this.commands.operations, this.#session);
  }
}
