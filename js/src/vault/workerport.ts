// The worker's end of the channel to its page. The core comes over it as well, beside the messages of the protocol.

import { FreeholdError, type Code } from "../errors.ts";
import { CORE_WANTED, type CoreGiven, type FromVault, type Port, type ToVault } from "../protocol.ts";

type Asked = { readonly given: (core: WebAssembly.Module) => void; readonly failed: (e: FreeholdError) => void };

export const workerPort = (scope: DedicatedWorkerGlobalScope): { readonly port: Port<FromVault, ToVault>; readonly loadModule: () => Promise<WebAssembly.Module> } => {
  let hear: (message: ToVault) => void = () => {};
  const asked: Asked[] = [];
  scope.onmessage = ({ data }: MessageEvent<ToVault | CoreGiven>) => {
    if ("request" in data) return hear(data);
    const next = asked.shift();
    if ("core" in data) next?.given(data.core);
    else next?.failed(new FreeholdError(data.failed.code as Code, data.failed.message, data.failed.hint));
  };
  return {
    port: {
      post: (message, transfer = []) => scope.postMessage(message, transfer),
      listen: (receive) => { hear = receive; },
      close: () => scope.close(),
    },
    loadModule: () => new Promise((given, failed) => {
      asked.push({ given, failed });
      scope.postMessage(CORE_WANTED);
    }),
  };
};
