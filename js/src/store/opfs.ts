// Files in the origin private file system, by sync access handles: dedicated workers only.
//
// A handle is exclusive over all tabs, and the browser gives it up when its worker dies; so a journal that can be opened belongs to a
// writer that has ended. `getFile()` reads a file that another tab holds (measured in Chromium and Firefox).

import type { FileHandle, Files } from "./files.ts";
import { StoreError } from "./storeerror.ts";
import type { StoreCode } from "./store.ts";

const codeByName: Readonly<Record<string, StoreCode>> = {
  QuotaExceededError: "quota",
  NoModificationAllowedError: "blocked",
  InvalidStateError: "storage-lost",
  // Where a missing file is an answer, it never comes to this: the browser removed what we hold.
  NotFoundError: "evicted",
};

const nameOf = (e: unknown): string => (e instanceof Error || e instanceof DOMException ? e.name : "");

/** Runs one operation; any failure becomes a StoreError. `missing` is the answer where a file or directory is not there. */
const attempt = async <T>(doing: string, run: () => Promise<T> | T, missing?: { readonly value: T }): Promise<T> => {
  try {
    return await run();
  } catch (e) {
    if (missing !== undefined && nameOf(e) === "NotFoundError") return missing.value;
    if (e instanceof StoreError) throw e;
    throw new StoreError(codeByName[nameOf(e)] ?? "storage-lost", `${doing}: ${nameOf(e)} ${e instanceof Error ? e.message : String(e)}`, e);
  }
};

/** Milliseconds of writing after which a handle's file is looked up again: a handle goes on without an error when the browser removed it. */
const LOOK_EVERY = 1000;

/** `look` rejects with NotFoundError when the file is not there any more. */
const handleOver = (h: FileSystemSyncAccessHandle, path: string, look: () => Promise<unknown>): FileHandle => {
  let lookedAt = performance.now();
  return {
    size: () => attempt(`measure ${path}`, () => h.getSize()),
    write: (bytes, at) =>
      attempt(`write ${path}`, () => {
        // A full disk may show as a short write instead of an exception.
        const wrote = h.write(bytes as Uint8Array<ArrayBuffer>, { at });
        if (wrote !== bytes.length) throw new StoreError("quota", `wrote ${wrote} of ${bytes.length} bytes to ${path}`);
      }),
    truncate: (size) => attempt(`truncate ${path}`, () => h.truncate(size)),
    flush: () =>
      attempt(`flush ${path}`, async () => {
        h.flush();
        if (performance.now() - lookedAt < LOOK_EVERY) return;
        lookedAt = performance.now();
        await look();
      }),
    close: () =>
      attempt(`close ${path}`, async () => {
        // Closing a handle whose file is gone blocks the whole worker for ever in Chromium; that one is left to the worker's end.
        await look();
        h.close();
      }),
  };
};

/** Milliseconds before another try, doubling up to a second. */
const REMOVE_AGAIN = 20;

/** Another tab that was told to let go of its journal may not be done: nothing says when its handle is closed. */
const removeWhole = async (top: FileSystemDirectoryHandle, dir: string): Promise<void> => {
  for (let pause = REMOVE_AGAIN; ; pause *= 2) {
    try {
      return await top.removeEntry(dir, { recursive: true });
    } catch (e) {
      if (nameOf(e) !== "NoModificationAllowedError" || pause > 1000) throw e;
    }
    await new Promise((go) => setTimeout(go, pause));
  }
};

/** True where this thread can open sync access handles at all. */
export const hasSyncHandles = (): boolean =>
  typeof FileSystemFileHandle !== "undefined" && "createSyncAccessHandle" in FileSystemFileHandle.prototype && typeof navigator?.storage?.getDirectory === "function";

/** The files of one home: `freehold/<name>/` in the origin private file system. */
export const opfsFiles = (name: string): Files => {
  let root: FileSystemDirectoryHandle | null = null;

  const prepare = async (): Promise<void> => {
    root = await attempt("open the private file system", async () => {
      const origin = await navigator.storage.getDirectory();
      const all = await origin.getDirectoryHandle("freehold", { create: true });
      return all.getDirectoryHandle(fileName(name), { create: true });
    });
  };
  const top = (): FileSystemDirectoryHandle => {
    if (root === null) throw new StoreError("storage-lost", "the private file system is not open");
    return root;
  };
  const at = async (dir: string, create: boolean): Promise<FileSystemDirectoryHandle> => (dir === "" ? top() : top().getDirectoryHandle(dir, { create }));
  const names = async (dir: FileSystemDirectoryHandle, kind: "file" | "directory"): Promise<string[]> => {
    const found: string[] = [];
    for await (const [entry, handle] of dir.entries()) if (handle.kind === kind) found.push(entry);
    return found;
  };
  const read = async (dir: string, file: string): Promise<Uint8Array | null> =>
    attempt<Uint8Array | null>(`read ${dir}/${file}`, async () => {
      const handle = await (await at(dir, false)).getFileHandle(file);
      return new Uint8Array(await (await handle.getFile()).arrayBuffer());
    }, { value: null });

  return {
    kind: "opfs",
    prepare,
    dirs: () => attempt("list documents", () => names(top(), "directory")),
    list: (dir) => attempt<readonly string[]>(`list ${dir}`, async () => names(await at(dir, false), "file"), { value: [] }),
    read,
    open: (dir, file) =>
      attempt(`open ${dir}/${file}`, async () => {
        const handle = await (await at(dir, true)).getFileHandle(file, { create: true });
        return handleOver(await handle.createSyncAccessHandle(), `${dir}/${file}`, async () => (await at(dir, false)).getFileHandle(file));
      }),
    remove: (dir, file) => attempt<void>(`remove ${dir}/${file}`, async () => (await at(dir, false)).removeEntry(file), { value: undefined }),
    removeDir: (dir) => attempt<void>(`remove ${dir}`, () => removeWhole(top(), dir), { value: undefined }),
    close: async () => {
      root = null;
    },
  };
};

/** A name that is safe as one path segment everywhere. */
export const fileName = (name: string): string => encodeURIComponent(name).replace(/[.*~!'()]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
