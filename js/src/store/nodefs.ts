// Files in a directory, for Node: the same layout as in the browser, flushed with fsync.
//
// A file system has no exclusive handles, so the whole directory belongs to one process at a time: `lock` names it.

import { randomBytes } from "node:crypto";
import { type FileHandle as NodeHandle, link, mkdir, open, readFile, readdir, rename, rm, unlink, writeFile } from "node:fs/promises";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { FileHandle, Files } from "./files.ts";
import { StoreError } from "./storeerror.ts";
import type { StoreCode } from "./store.ts";

const codeByErrno: Readonly<Record<string, StoreCode>> = {
  // Where a missing file is an answer, it never comes to this: the root itself is gone.
  ENOENT: "evicted",
  ENOSPC: "quota", EDQUOT: "quota", EFBIG: "quota",
  EACCES: "blocked", EPERM: "blocked", EROFS: "blocked", EBUSY: "blocked", EMFILE: "blocked", ENFILE: "blocked",
};

const errno = (e: unknown): string => (e instanceof Error && "code" in e ? String(e.code) : "");

const attempt = async <T>(doing: string, run: () => Promise<T>, missing?: { readonly value: T }): Promise<T> => {
  try {
    return await run();
  } catch (e) {
    if (missing !== undefined && errno(e) === "ENOENT") return missing.value;
    if (e instanceof StoreError) throw e;
    throw new StoreError(codeByErrno[errno(e)] ?? "storage-lost", `${doing}: ${e instanceof Error ? e.message : String(e)}`, e);
  }
};

/** Makes a directory's entries durable; a file's own fsync does not. */
const syncDir = async (path: string): Promise<void> => {
  const dir = await open(path, "r");
  try {
    await dir.sync();
  } finally {
    await dir.close();
  }
};

const writeAll = async (handle: NodeHandle, bytes: Uint8Array, at: number): Promise<void> => {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, at + done);
    done += bytesWritten;
  }
};

/** A process as a line that another process can check: pid and, where the system tells, its start time (pids are used again). */
const processLine = (pid: number): string => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // Field 22, counted behind the command, which may hold spaces and brackets.
    return `${pid} ${stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? ""}`;
  } catch {
    return `${pid} `;
  }
};

const holderIsAlive = (line: string): boolean => {
  const pid = Number.parseInt(line, 10);
  if (!(pid > 0)) return false;
  try {
    process.kill(pid, 0);
  } catch (e) {
    if (errno(e) === "ESRCH") return false;
  }
  return line.endsWith(" ") || processLine(pid) === line;
};

/** Takes the lock file or rejects with StoreError("blocked"). The file appears whole (by link), and a dead holder's is moved away before it is judged again. */
const takeLock = async (root: string): Promise<string> => {
  const path = join(root, "lock");
  const own = `${path}.${randomBytes(6).toString("hex")}`;
  await writeFile(own, processLine(process.pid));
  try {
    for (;;) {
      try {
        await link(own, path);
        return path;
      } catch (e) {
        if (errno(e) !== "EEXIST") throw e;
      }
      const held = await readFile(path, "utf8").catch(() => "");
      if (held !== "" && holderIsAlive(held)) throw new StoreError("blocked", `${root} is open in process ${held.trim()}`);
      const aside = `${own}.old`;
      await rename(path, aside).catch(() => undefined);
      const moved = await readFile(aside, "utf8").catch(() => "");
      // Somebody else may have taken over between the two reads: then what we moved is theirs, and goes back.
      if (moved !== held && moved !== "") await link(aside, path).catch(() => undefined);
      await rm(aside, { force: true });
    }
  } finally {
    await rm(own, { force: true });
  }
};

/** The files of one home in `root`. Names are document ids and fixed words, so they are safe as they are. */
export const nodeFiles = (root: string): Files => {
  const held = new Set<string>();
  let lock: string | null = null;

  const holdsLock = async (): Promise<boolean> => lock !== null && (await readFile(lock, "utf8").catch(() => "")) === processLine(process.pid);

  const makeDir = async (path: string): Promise<void> => {
    try {
      await mkdir(path);
    } catch (e) {
      if (errno(e) === "EEXIST") return;
      throw e;
    }
    await syncDir(root);
  };

  const openFile = async (dir: string, name: string): Promise<FileHandle> => {
    const path = join(root, dir, name);
    if (held.has(path)) throw new StoreError("blocked", `${path} is open already`);
    held.add(path);
    try {
      if (dir !== "") await makeDir(join(root, dir));
      let isNew = false;
      const handle = await open(path, "r+").catch(async (e: unknown) => {
        if (errno(e) !== "ENOENT") throw e;
        isNew = true;
        return open(path, "wx+");
      });
      return {
        size: () => attempt(`measure ${path}`, async () => (await handle.stat()).size),
        write: (bytes, at) => attempt(`write ${path}`, () => writeAll(handle, bytes, at)),
        truncate: (size) => attempt(`truncate ${path}`, () => handle.truncate(size)),
        flush: () =>
          attempt(`flush ${path}`, async () => {
            await handle.datasync();
            if ((await handle.stat()).nlink === 0) throw new StoreError("evicted", `${path} was removed while it was open`);
            if (isNew) await syncDir(dirname(path));
            isNew = false;
          }),
        close: () =>
          attempt(`close ${path}`, async () => {
            held.delete(path);
            await handle.close();
          }),
      };
    } catch (e) {
      held.delete(path);
      throw e;
    }
  };

  const entries = async (dir: string, wanted: "file" | "directory"): Promise<readonly string[]> =>
    (await readdir(join(root, dir), { withFileTypes: true })).filter((e) => (wanted === "file" ? e.isFile() : e.isDirectory())).map((e) => e.name);

  return {
    kind: "directory",
    prepare: () =>
      attempt(`open ${root}`, async () => {
        await mkdir(root, { recursive: true });
        if (!(await holdsLock())) lock = await takeLock(root);
      }),
    dirs: () => attempt(`list ${root}`, () => entries("", "directory")),
    list: (dir) => attempt<readonly string[]>(`list ${dir}`, () => entries(dir, "file"), { value: [] }),
    read: (dir, name) => attempt<Uint8Array | null>(`read ${dir}/${name}`, async () => new Uint8Array(await readFile(join(root, dir, name))), { value: null }),
    open: (dir, name) => attempt(`open ${dir}/${name}`, () => openFile(dir, name)),
    remove: (dir, name) =>
      attempt<void>(`remove ${dir}/${name}`, async () => {
        const path = join(root, dir, name);
        if (held.has(path)) throw new StoreError("blocked", `${path} is open`);
        await unlink(path);
        await syncDir(dirname(path));
      }, { value: undefined }),
    removeDir: (dir) =>
      attempt(`remove ${dir}`, async () => {
        await rm(join(root, dir), { recursive: true, force: true });
        await syncDir(root);
      }),
    close: async () => {
      if (lock !== null && (await holdsLock())) await rm(lock, { force: true });
      lock = null;
    },
  };
};
