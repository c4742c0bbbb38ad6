// What a vault takes from a browser, in a worker or, where none can start, in the page.

import { Core } from "../core/core.ts";
import { openCopies } from "../store/copies.ts";
import type { VaultEnv } from "./env.ts";
import { sealer } from "../seal/seal.ts";
import { webSocketWire, type Socket } from "../wire/socket.ts";

export const browserEnv = (loadModule: () => Promise<WebAssembly.Module>): VaultEnv => ({
  openCopies,
  sealer,
  loadCore: async () => Core.start(await loadModule()),
  openWire: webSocketWire((url, protocol) => new WebSocket(url, protocol) as Socket),
  fetch: (...request) => fetch(...request),
  locks: typeof navigator === "undefined" ? null : (navigator.locks ?? null),
  openChannel: typeof BroadcastChannel === "undefined" ? null : (name) => new BroadcastChannel(name),
  persisted: async () => (await globalThis.navigator?.storage?.persisted?.()) ?? false,
  onOnline: (f) => {
    addEventListener("online", f);
    return () => removeEventListener("online", f);
  },
  now: () => performance.now(),
  today: () => Date.now(),
  random: (bytes) => crypto.getRandomValues(new Uint8Array(bytes)),
});
