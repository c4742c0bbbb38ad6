// What a vault takes from the place it runs in: everything that is not its own rule. Browsers: browserenv.ts; Node gives its own.

import type { Core } from "../core/core.ts";
import type { Sealer } from "../seal/sealer.ts";
import type { Copies, CopiesOptions } from "../store/store.ts";
import type { OpenWire } from "../wire/socket.ts";

/** The part of BroadcastChannel that tabs.ts uses. */
export interface Channel {
  postMessage(message: unknown): void;
  onmessage: ((event: MessageEvent) => void) | null;
  close(): void;
}

export interface VaultEnv {
  /** The device copy of the home `name`. */
  openCopies(name: string, options: CopiesOptions): Promise<Copies>;
  readonly sealer: Sealer;
  /** A new instance of the wasm. Called for the sync machine and for merging, again when one died. */
  loadCore(): Promise<Core>;
  /** Opens a connection to a relay. */
  readonly openWire: OpenWire;
  /** Plain HTTP, for the statements of owners: any tab makes them, also one that has no socket. */
  readonly fetch: typeof globalThis.fetch;
  /** Null where there are none: then this vault holds every lock. */
  readonly locks: Pick<LockManager, "request" | "query"> | null;
  /** Null where nobody else can be heard: then a home has one relay. */
  openChannel: ((name: string) => Channel) | null;
  /** Whether the browser promised not to evict what is stored. */
  persisted(): Promise<boolean>;
  /** Calls back when the network is likely back. Gives what ends it. */
  onOnline(f: () => void): () => void;
  /** Milliseconds of a clock that does not run backwards. */
  now(): number;
  /** Milliseconds since the epoch. */
  today(): number;
  random(bytes: number): Uint8Array<ArrayBuffer>;
}
