// The page of store tests: passes calls to `/worker.js` and hands back its answers, as `globalThis.call(op, ...args)`.

type Answer = { readonly id: number; readonly value?: unknown; readonly error?: string; readonly durable?: number };
/** Put here by a kill test; its process hears the number at once. */
declare const ack: ((n: string) => void) | undefined;

const url = "/worker.js";
// Trusted Types refuse a plain string here.
const policy = (globalThis as { trustedTypes?: { createPolicy(name: string, rules: { createScriptURL(u: string): string }): { createScriptURL(u: string): string } } }).trustedTypes?.createPolicy("rig", { createScriptURL: (u) => u });
const worker = new Worker(policy === undefined ? url : policy.createScriptURL(url), { type: "module" });
const waitingById = new Map<number, { resolve(value: unknown): void; reject(e: Error): void }>();
let nextId = 0;

worker.onmessage = ({ data }: MessageEvent<Answer>) => {
  if (data.durable !== undefined) {
    ack?.(String(data.durable));
    return;
  }
  const waiting = waitingById.get(data.id);
  waitingById.delete(data.id);
  if (data.error !== undefined) waiting?.reject(new Error(data.error));
  else waiting?.resolve(data.value);
};
worker.onerror = (e) => {
  for (const waiting of waitingById.values()) waiting.reject(new Error(`the worker failed: ${e.message}`));
};

export type Call = (op: string, ...args: readonly unknown[]) => Promise<unknown>;
const call: Call = (op, ...args) =>
  new Promise((resolve, reject) => {
    waitingById.set(nextId, { resolve, reject });
    worker.postMessage({ id: nextId++, op, args });
  });
Object.assign(globalThis, { call });
