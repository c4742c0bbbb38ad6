// The vault's script, which composes and does nothing else: a dedicated worker that loads it runs the vault; a page where no worker
// can start imports it and calls `startInPage`.

import type { FromVault, Port, ToVault } from "../protocol.ts";
import { browserEnv } from "./browserenv.ts";
import { portPair } from "./portpair.ts";
import { startVault } from "./vault.ts";

/** The vault in this thread; gives the page's end. */
export const startInPage = (): Port<ToVault, FromVault> => {
  const [page, vault] = portPair();
  startVault(vault, browserEnv());
  return page;
};

const isWorker = typeof DedicatedWorkerGlobalScope !== "undefined" && globalThis instanceof DedicatedWorkerGlobalScope;
if (isWorker) {
  const scope = globalThis as unknown as DedicatedWorkerGlobalScope;
  startVault({
    post: (message: FromVault, transfer: Transferable[] = []) => scope.postMessage(message, transfer),
    listen: (receive) => {
      scope.onmessage = (event: MessageEvent<ToVault>) => receive(event.data);
    },
    close: () => scope.close(),
  }, browserEnv());
}
