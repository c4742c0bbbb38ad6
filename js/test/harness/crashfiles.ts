// Files in memory that die like real ones: at `crash` a handle's writes since its last flush are kept, torn or lost, by the seed.

import type { FileHandle, Files } from "../../src/store/files.ts";
import { StoreError } from "../../src/store/storeerror.ts";
import type { StoreCode } from "../../src/store/store.ts";
import type { Random } from "./random.ts";

interface File {
  /** What a reader sees. */
  now: Uint8Array;
  /** What surely survives. */
  flushed: Uint8Array;
  held: boolean;
}

export interface CrashFiles extends Files {
  /** Ends this life: open handles are dead, files are what a kill leaves. */
  crash(random: Random): void;
  /** Makes the next operations of that name fail, after half of their work was done where it can be. */
  failNext(operation: Operation, code: StoreCode, times?: number): void;
  /** Removes everything, as a browser that cleans up does. */
  wipe(): void;
  readonly names: readonly string[];
  bytes(path: string): Uint8Array | undefined;
  put(path: string, bytes: Uint8Array): void;
}
export type Operation = "open" | "write" | "flush" | "truncate" | "read" | "remove";

const patched = (old: Uint8Array, bytes: Uint8Array, at: number): Uint8Array => {
  const out = new Uint8Array(Math.max(old.length, at + bytes.length));
  out.set(old);
  out.set(bytes, at);
  return out;
};

export const crashFiles = (): CrashFiles => {
  const fileByPath = new Map<string, File>();
  const planned = new Map<Operation, { readonly code: StoreCode; times: number }>();
  let life = 0;

  const pathOf = (dir: string, name: string): string => `${dir}/${name}`;
  const fail = (operation: Operation): void => {
    const plan = planned.get(operation);
    if (plan === undefined) return;
    if (--plan.times === 0) planned.delete(operation);
    throw new StoreError(plan.code, `${operation} was made to fail`);
  };
  const handle = (file: File, path: string): FileHandle => {
    const born = life;
    const alive = (): void => {
      if (life !== born) throw new StoreError("storage-lost", "a handle of an earlier life");
    };
    return {
      size: async () => (alive(), file.now.length),
      write: async (bytes, at) => {
        alive();
        if (planned.has("write")) file.now = patched(file.now, bytes.subarray(0, bytes.length >> 1), at);
        fail("write");
        file.now = patched(file.now, bytes, at);
      },
      truncate: async (size) => {
        alive();
        fail("truncate");
        file.now = file.now.slice(0, size);
      },
      flush: async () => {
        alive();
        fail("flush");
        if (fileByPath.get(path) !== file) throw new StoreError("evicted", `${path} was removed under its handle`);
        file.flushed = file.now;
      },
      close: async () => {
        alive();
        file.held = false;
      },
    };
  };

  return {
    kind: "directory",
    prepare: async () => undefined,
    dirs: async () => [...new Set([...fileByPath.keys()].map((p) => p.slice(0, p.indexOf("/"))).filter((d) => d !== ""))],
    list: async (dir) => [...fileByPath.keys()].filter((p) => p.startsWith(`${dir}/`)).map((p) => p.slice(dir.length + 1)),
    read: async (dir, name) => {
      fail("read");
      return fileByPath.get(pathOf(dir, name))?.now.slice() ?? null;
    },
    open: async (dir, name) => {
      fail("open");
      const path = pathOf(dir, name);
      const file = fileByPath.get(path) ?? { now: new Uint8Array(0), flushed: new Uint8Array(0), held: false };
      if (file.held) throw new StoreError("blocked", `${path} is held`);
      file.held = true;
      fileByPath.set(path, file);
      return handle(file, path);
    },
    remove: async (dir, name) => {
      fail("remove");
      const path = pathOf(dir, name);
      if (fileByPath.get(path)?.held) throw new StoreError("blocked", `${path} is held`);
      fileByPath.delete(path);
    },
    removeDir: async (dir) => {
      fail("remove");
      for (const path of fileByPath.keys()) if (path.startsWith(`${dir}/`)) fileByPath.delete(path);
    },
    close: async () => undefined,
    crash: (random) => {
      life++;
      planned.clear();
      for (const file of fileByPath.values()) {
        // Some prefix of what was written since, sometimes with a hole of zeros in it: blocks reach the disk in any order.
        const kept = random.below(3) === 0 ? file.flushed : file.now.slice(0, random.between(Math.min(file.flushed.length, file.now.length), file.now.length));
        const from = Math.min(file.flushed.length, kept.length);
        if (kept.length > from && random.below(4) === 0) kept.fill(0, random.between(from, kept.length));
        file.now = kept;
        file.flushed = kept;
        file.held = false;
      }
    },
    failNext: (operation, code, times = 1) => void planned.set(operation, { code, times }),
    wipe: () => fileByPath.clear(),
    get names() {
      return [...fileByPath.keys()].sort();
    },
    bytes: (path) => fileByPath.get(path)?.now,
    put: (path, bytes) => void fileByPath.set(path, { now: bytes, flushed: bytes, held: false }),
  };
};
