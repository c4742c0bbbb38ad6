// The vault as a dedicated worker: composes, and nothing else.

import type { FromVault, ToVault } from "../protocol.ts";
import { browserEnv } from "./browserenv.ts";
import { startVault } from "./vault.ts";

const scope = globalThis as unknown as DedicatedWorkerGlobalScope;

startVault({
  post: (message: FromVault, transfer: Transferable[] = []) => scope.postMessage(message, transfer),
  listen: (receive) => {
    scope.onmessage = (event: MessageEvent<ToVault>) => receive(event.data);
  },
  close: () => scope.close(),
}, browserEnv());
