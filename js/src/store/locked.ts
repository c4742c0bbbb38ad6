// Who works on something alone: in all tabs where the browser has locks, and in any case in this one.

/** Runs one at a time of those with the same name, in the order of the calls. */
export type Locked = <T>(name: string, run: () => Promise<T>) => Promise<T>;

/** Within this thread. */
export const lanes = (): Locked => {
  const lastByName = new Map<string, Promise<unknown>>();
  return (name, run) => {
    const mine = (lastByName.get(name) ?? Promise.resolve()).then(run, run);
    const settled = mine.then(() => undefined, () => undefined).then(() => {
      if (lastByName.get(name) === settled) lastByName.delete(name);
    });
    lastByName.set(name, settled);
    return mine;
  };
};

/** By the browser's locks; where there are none, or it refuses them, within this thread. */
export const lockedBy = (locks: Pick<LockManager, "request"> | undefined, prefix: string): Locked => {
  const inLane = lanes();
  let usable = locks;
  return async (name, run) => {
    if (usable === undefined) return inLane(name, run);
    let isMine = false;
    try {
      return await usable.request(`${prefix}/${name}`, () => {
        isMine = true;
        return run();
      }) as Awaited<ReturnType<typeof run>>;
    } catch (e) {
      if (isMine) throw e;
      usable = undefined;
      return inLane(name, run);
    }
  };
};
