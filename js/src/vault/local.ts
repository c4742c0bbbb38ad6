// Locks and channels of one process, for where there are none between tabs: the hubs of one vault are to each other what tabs are.

import type { Channel, VaultEnv } from "./env.ts";

interface Waiting {
  readonly mode: LockMode;
  start(): void;
}

/** The part of LockManager that tabs.ts uses, with its rules: first come, first served, and "shared" beside "shared". */
export const localLocks = (): NonNullable<VaultEnv["locks"]> => {
  const byName = new Map<string, { held: LockMode[]; queue: Waiting[] }>();
  const next = (name: string): void => {
    const lock = byName.get(name)!;
    for (let first = lock.queue[0]; first !== undefined; first = lock.queue[0]) {
      if (lock.held.includes("exclusive") || (lock.held.length > 0 && first.mode === "exclusive")) return;
      lock.queue.shift();
      lock.held.push(first.mode);
      first.start();
    }
    if (lock.held.length === 0) byName.delete(name);
  };
  const request = async (name: string, ...rest: readonly unknown[]): Promise<unknown> => {
    const run = rest.at(-1) as (lock: null) => unknown;
    const { mode = "exclusive", signal } = (rest.length > 1 ? rest[0] : {}) as LockOptions;
    signal?.throwIfAborted();
    if (!byName.has(name)) byName.set(name, { held: [], queue: [] });
    const lock = byName.get(name)!;
    await new Promise<void>((resolve, reject) => {
      const abort = (): void => {
        lock.queue.splice(lock.queue.indexOf(waiting), 1);
        reject(signal!.reason);
        next(name);
      };
      const waiting: Waiting = {
        mode,
        start: () => {
          signal?.removeEventListener("abort", abort);
          resolve();
        },
      };
      signal?.addEventListener("abort", abort);
      lock.queue.push(waiting);
      next(name);
    });
    try {
      return await run(null);
    } finally {
      lock.held.splice(lock.held.indexOf(mode), 1);
      next(name);
    }
  };
  const query = async (): Promise<LockManagerSnapshot> => ({
    held: [...byName].flatMap(([name, { held }]) => held.map((mode) => ({ name, mode }))),
    pending: [...byName].flatMap(([name, { queue }]) => queue.map(({ mode }) => ({ name, mode }))),
  });
  return { request: request as LockManager["request"], query };
};

/** Like BroadcastChannel, within the process and without copying: nobody changes what was said. */
export const localChannels = (): ((name: string) => Channel) => {
  const byName = new Map<string, Set<Channel>>();
  return (name) => {
    const all = byName.get(name) ?? new Set();
    byName.set(name, all);
    const channel: Channel = {
      onmessage: null,
      postMessage: (data) => {
        for (const other of all) if (other !== channel) queueMicrotask(() => all.has(other) && other.onmessage?.({ data } as MessageEvent));
      },
      close: () => {
        all.delete(channel);
        if (all.size === 0) byName.delete(name);
      },
    };
    all.add(channel);
    return channel;
  };
};
