// The vault's script, which composes and does nothing else: a dedicated worker that loads it runs the vault; a page where no worker
// can start imports it and calls `startInPage`.

import type { FromVault, Port, ToVault } from "../protocol.ts";
import { browserEnv } from "./browserenv.ts";
import { portPair } from "./portpair.ts";
import { startVault } from "./vault.ts";
import { workerPort } from "./workerport.ts";

/** The vault in this thread; gives the page's end. */
export const startInPage = (loadModule: () => Promise<WebAssembly.Module>): Port<ToVault, FromVault> => {
  const [page, vault] = portPair();
  startVault(vault, browserEnv(loadModule));
  return page;
};

const isWorker = typeof DedicatedWorkerGlobalScope !== "undefined" && globalThis instanceof DedicatedWorkerGlobalScope;
if (isWorker) {
  const { port, loadModule } = workerPort(globalThis as unknown as DedicatedWorkerGlobalScope);
  startVault(port, browserEnv(loadModule));
}
