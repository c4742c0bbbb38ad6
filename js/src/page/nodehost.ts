// Node: the vault runs in the same thread and keeps its copy in a directory.

import { join } from "node:path";
import { Core } from "../core/core.ts";
import { loadModule } from "../core/loadnode.ts";
import { directoryStore } from "../node/directory.ts";
import { openCopies } from "../vault/copies.ts";
import { sealer } from "../vault/seal.ts";
import { type Socket, webSocketWire, type OpenWire } from "../vault/socket.ts";
import { startVault, type VaultEnv } from "../vault/vault.ts";
import type { FreeholdOptions } from "../types.ts";
import type { Host } from "./host.ts";
import { portPair } from "./portpair.ts";

export interface NodeOptions extends FreeholdOptions {
  /** Where the home's directory is; `.freehold` in the current directory unless told. */
  readonly directory?: string;
}

/** Node has a global WebSocket from version 22 on. */
const openWire = (): OpenWire => webSocketWire((url, protocol) => new WebSocket(url, protocol) as Socket);

const nodeEnv = (directory: string): VaultEnv => ({
  openCopies: (_name, o) => openCopies(_name, { ...o, stores: [directoryStore(directory)] }),
  sealer,
  loadCore: async () => Core.start(await loadModule()),
  openWire: openWire(),
  locks: null,
  openChannel: null,
  persisted: async () => true,
  onOnline: () => () => {},
  now: () => performance.now(),
  today: () => Date.now(),
  random: (bytes) => crypto.getRandomValues(new Uint8Array(bytes)),
});

export const nodeHost = (o: NodeOptions): Host => ({
  // Importing an app on a server, to render it, must not make directories.
  eager: false,
  loadModule,
  async connect(name) {
    const { page, vault } = portPair();
    startVault(vault, nodeEnv(join(o.directory ?? ".freehold", name)));
    return page;
  },
  linkBase: (relays) => (relays[0] === undefined ? "http://localhost:7070/" : new URL("/", relays[0].replace(/^ws/, "http")).href),
  onHide: (f) => {
    process.once("beforeExit", f);
  },
});
