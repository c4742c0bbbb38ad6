// The few things the file store asks of a file system. Two levels only: a directory ("" is the root of the home) and a name in it.
//
// Must: `flush` resolves only when the bytes would survive a SIGKILL of everything.
// Must: while a handle is open, `open` of the same file (here, in another tab or process) rejects with StoreError("blocked"); `read` does not.
// Must: a handle whose file was removed under it says so: `flush` rejects with StoreError("evicted"), in a directory at once, in a browser
// within a second of writing. So does everything that finds the root itself gone.
// Must: every failure is a StoreError.

import type { DeviceStore } from "./store.ts";

/** An open file, exclusively ours. */
export interface FileHandle {
  /** Bytes in the file now. */
  size(): Promise<number>;
  /** All of the bytes, or a StoreError; after an error the file may hold some of them. */
  write(bytes: Uint8Array, at: number): Promise<void>;
  truncate(size: number): Promise<void>;
  flush(): Promise<void>;
  close(): Promise<void>;
}

export interface Files {
  readonly kind: Exclude<DeviceStore["kind"], "indexeddb">;
  /** Makes the root where it is missing, and takes what must be held while it is used. Again after "evicted". */
  prepare(): Promise<void>;
  /** Names of directories in the root. */
  dirs(): Promise<readonly string[]>;
  /** Names of files in a directory; none when it is missing. */
  list(dir: string): Promise<readonly string[]>;
  /** The whole file as it is now, also one that somebody holds open; null when missing. */
  read(dir: string, name: string): Promise<Uint8Array | null>;
  /** Opens for writing, creating the file and its directory where missing, but never the root. The entry itself is durable after the first `flush`. */
  open(dir: string, name: string): Promise<FileHandle>;
  /** Missing is fine. StoreError("blocked") while somebody holds it open. */
  remove(dir: string, name: string): Promise<void>;
  /** Removes a directory with its files; missing is fine. */
  removeDir(dir: string): Promise<void>;
  /** Gives up whatever the root holds (a lock). */
  close(): Promise<void>;
}
