// Node: the vault runs in the same thread and keeps its copy in a directory.

import { loadModule } from "../core/loadnode.ts";
import type { FreeholdOptions } from "../types.ts";
import { nodeEnv } from "../vault/nodeenv.ts";
import { portPair } from "../vault/portpair.ts";
import { startVault } from "../vault/vault.ts";
import type { Host } from "./host.ts";

export interface NodeOptions extends FreeholdOptions {
  /** Homes are directories in this one; `.freehold` in the current directory unless told. */
  readonly directory?: string;
}

export const nodeHost = (o: NodeOptions): Host => ({
  // Importing an app on a server, to render it, must not make directories.
  eager: false,
  loadModule,
  async connect() {
    const [page, vault] = portPair();
    startVault(vault, nodeEnv(o.directory ?? ".freehold"));
    return page;
  },
  linkBase: (relays) => (relays[0] === undefined ? "http://localhost:7070/" : new URL("/", relays[0].replace(/^ws/, "http")).href),
  whenIdle: (f) => void setImmediate(f),
  onHide: (f) => {
    process.once("beforeExit", () => f(true));
  },
});
