// The vault as a dedicated worker with other stores than the browser's best.

import type { ToVault } from "../../../src/protocol.ts";
import { browserEnv } from "../../../src/vault/browserenv.ts";
import type { VaultEnv } from "../../../src/vault/env.ts";
import { startVault } from "../../../src/vault/vault.ts";

export const startWorkerVault = (openCopies: VaultEnv["openCopies"]): void => {
  const scope = globalThis as unknown as DedicatedWorkerGlobalScope;
  startVault(
    {
      post: (message, transfer = []) => scope.postMessage(message, transfer),
      listen: (receive) => {
        scope.onmessage = (event: MessageEvent<ToVault>) => receive(event.data);
      },
      close: () => scope.close(),
    },
    { ...browserEnv(), openCopies },
  );
};
