// What a home needs of the place it runs in: a browser page (browserhost.ts) or Node (nodehost.ts). Types only.

import type { FromVault, Port, ToVault } from "../protocol.ts";

export interface Host {
  loadModule(): Promise<WebAssembly.Module>;
  /** Starts the vault, or a connection to it. */
  connect(name: string): Promise<Port<ToVault, FromVault>>;
  /** The address that a link's key is put after. */
  linkBase(relays: readonly string[]): string;
  /** Calls back when the page may be gone in the next moment; `isLeaving`: it most likely is. */
  onHide(f: (isLeaving: boolean) => void): void;
  /** Calls back when there is nothing to do for whoever looks at the page. */
  whenIdle(f: () => void): void;
  /** Whether a home starts reading by itself, or waits until it is asked for something (on a server). */
  readonly eager: boolean;
}
