// The vault as a dedicated worker with other stores than the browser's best.

import { browserEnv } from "../../../src/vault/browserenv.ts";
import type { VaultEnv } from "../../../src/vault/env.ts";
import { startVault } from "../../../src/vault/vault.ts";
import { workerPort } from "../../../src/vault/workerport.ts";

export const startWorkerVault = (openCopies: VaultEnv["openCopies"]): void => {
  const { port, loadModule } = workerPort(globalThis as unknown as DedicatedWorkerGlobalScope);
  startVault(port, { ...browserEnv(loadModule), openCopies });
};
