// The sync machine: internal/sync inside the vault's own instance of the wasm. Events in, effects out; docs/SYNC.md.

import { FreeholdError } from "../errors.ts";
import type { Core } from "../core/core.ts";
import { unpackEffects, type Effect } from "./effects.ts";
import { packEvent, type Event } from "./events.ts";

/** One machine. Synchronous; of one thread. */
export class Machine {
  readonly #core: Core;
  readonly #handle: number;

  /** `seed`: 8 random bytes, for the jitter of its pauses. */
  constructor(core: Core, seed: Uint8Array) {
    this.#core = core;
    this.#handle = core.syncNew(seed);
  }

  /** Must be called in the order of events. `now` in milliseconds of a clock that does not run backwards. */
  step(now: number, event: Event): readonly Effect[] {
    if (this.#core.dead) throw new FreeholdError("core-restarted", "The sync machine stopped.", "Reload the page; everything said to be saved is.");
    return unpackEffects(this.#core.syncStep(this.#handle, packEvent(now, event)));
  }

  free(): void { this.#core.syncFree(this.#handle); }
}
