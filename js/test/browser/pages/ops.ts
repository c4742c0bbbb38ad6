// The other end of rig.ts: answers calls inside the worker.

export type Ops = Readonly<Record<string, (...args: never[]) => unknown>>;

export const answer = (ops: Ops): void => {
  globalThis.onmessage = async ({ data }: MessageEvent<{ id: number; op: string; args: never[] }>) => {
    try {
      const op = ops[data.op];
      if (op === undefined) throw new Error(`no operation ${data.op}`);
      globalThis.postMessage({ id: data.id, value: await op(...data.args) });
    } catch (e) {
      globalThis.postMessage({ id: data.id, error: e instanceof Error ? `${e.name}: ${e.message}\n${e.stack ?? ""}` : String(e) });
    }
  };
};
