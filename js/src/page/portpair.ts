// Two ends of a channel inside one thread: the page and a vault that has no worker of its own.

import type { FromVault, Port, ToVault } from "../protocol.ts";

/** Messages are copied and arrive in order, after the turn in which they were sent, as they would from a worker. */
export const portPair = (): { readonly page: Port<ToVault, FromVault>; readonly vault: Port<FromVault, ToVault> } => {
  const toVault = lane<ToVault>();
  const toPage = lane<FromVault>();
  const close = (): void => {
    toVault.close();
    toPage.close();
  };
  return {
    page: { post: toVault.post, listen: toPage.listen, close },
    vault: { post: toPage.post, listen: toVault.listen, close },
  };
};

const lane = <M>(): { post(m: M, transfer?: Transferable[]): void; listen(f: (m: M) => void): void; close(): void } => {
  const early: M[] = [];
  let receive: ((m: M) => void) | null = null;
  let open = true;
  const deliver = (m: M): void => {
    if (!open) return;
    if (receive === null) early.push(m);
    else receive(m);
  };
  return {
    post(m, transfer = []) {
      const copy = structuredClone(m, { transfer });
      queueMicrotask(() => deliver(copy));
    },
    listen(f) {
      receive = f;
      for (const m of early.splice(0)) queueMicrotask(() => deliver(m));
    },
    close() {
      open = false;
    },
  };
};
