// What a vault takes from Node: a directory as its store, one process with one vault.

import { join } from "node:path";
import { Core } from "../core/core.ts";
import { loadModule } from "../core/loadnode.ts";
import { directoryStore } from "../store/directory.ts";
import { openCopies } from "../store/copies.ts";
import type { VaultEnv } from "./env.ts";
import { localChannels, localLocks } from "./local.ts";
import { pollWire } from "../wire/poll.ts";
import { sealer } from "../seal/seal.ts";
import { webSocketWire, type Socket } from "../wire/socket.ts";

/** Homes are directories inside `directory`. WebSocket where Node has it (22 and later), HTTP otherwise. */
export const nodeEnv = (directory: string): VaultEnv => ({
  openCopies: (name, o) => openCopies(name, { ...o, stores: [directoryStore(join(directory, name))] }),
  sealer,
  loadCore: async () => Core.start(await loadModule()),
  openWire: typeof WebSocket === "undefined" ? pollWire(fetch) : webSocketWire((url, protocol) => new WebSocket(url, protocol) as Socket),
  fetch: (...request) => fetch(...request),
  locks: localLocks(),
  openChannel: localChannels(),
  persisted: async () => true,
  onOnline: () => () => undefined,
  now: () => performance.now(),
  today: () => Date.now(),
  random: (bytes) => crypto.getRandomValues(new Uint8Array(bytes)),
});
