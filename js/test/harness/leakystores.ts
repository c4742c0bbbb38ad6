// Stores that lie, for negative controls: a kill test that does not catch them proves nothing.

import type { FileHandle, Files } from "../../src/store/files.ts";
import type { DeviceStore } from "../../src/store/store.ts";

/** Says "durable" and writes 500 ms later. */
export const earlyStore = (store: DeviceStore): DeviceStore => {
  let last: Promise<unknown> = Promise.resolve();
  const later = async (write: () => Promise<void>): Promise<void> => {
    last = last.then(() => new Promise((resolve) => setTimeout(resolve, 500))).then(write);
  };
  return {
    kind: store.kind,
    open: () => store.open(),
    list: () => store.list(),
    load: (doc) => store.load(doc),
    strays: () => store.strays(),
    putSecret: (secret) => store.putSecret(secret),
    append: (...args) => later(() => store.append(...args)),
    checkpoint: (...args) => store.checkpoint(...args),
    putStatement: (...args) => store.putStatement(...args),
    putHead: (head) => store.putHead(head),
    putMark: (...args) => store.putMark(...args),
    forget: (doc) => store.forget(doc),
    release: (...args) => store.release(...args),
    close: async () => {
      await last;
      await store.close();
    },
  };
};

const isJournal = (name: string): boolean => name.startsWith("journal.");

/** Files whose journal handles keep what was written in memory until they are closed; `flush` says yes and does nothing. */
export const forgetfulFiles = (files: Files): Files => ({
  ...files,
  open: async (dir, name) => {
    const real = await files.open(dir, name);
    if (!isJournal(name)) return real;
    const pending: Array<{ readonly bytes: Uint8Array; readonly at: number }> = [];
    const handle: FileHandle = {
      size: async () => pending.reduce((size, p) => Math.max(size, p.at + p.bytes.length), await real.size()),
      write: async (bytes, at) => void pending.push({ bytes: bytes.slice(), at }),
      truncate: async () => undefined,
      flush: async () => undefined,
      close: async () => {
        for (const { bytes, at } of pending) await real.write(bytes, at);
        await real.close();
      },
    };
    return handle;
  },
});
