// Page and vault in one thread: two ports that hand messages over in a turn of their own, as a worker's would.

import type { FromVault, Port, ToVault } from "../protocol.ts";

type End<Out, In> = Port<Out, In> & { receive(message: In): void };

const end = <Out, In>(other: () => End<In, Out>): End<Out, In> => {
  let hear: ((message: In) => void) | null = null;
  let waiting: In[] = [];
  let closed = false;
  return {
    post: (message) => queueMicrotask(() => other().receive(message)),
    listen: (receive) => {
      hear = receive;
      const early = waiting;
      waiting = [];
      for (const message of early) receive(message);
    },
    close: () => { closed = true; },
    receive: (message) => {
      if (closed) return;
      if (hear === null) waiting.push(message);
      else hear(message);
    },
  };
};

/** The page's end and the vault's. Bytes are shared, not copied: neither side may write to what it has sent. */
export const portPair = (): readonly [page: Port<ToVault, FromVault>, vault: Port<FromVault, ToVault>] => {
  const page: End<ToVault, FromVault> = end(() => vault);
  const vault: End<FromVault, ToVault> = end(() => page);
  return [page, vault];
};
