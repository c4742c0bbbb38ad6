// The device copy in Node: a directory of one's own.

import { FileStore } from "./filestore.ts";
import type { DeviceStore } from "./store.ts";
import { nodeFiles } from "./nodefs.ts";

/** For `openCopies(name, { stores: [directoryStore(path)] })`. One process at a time; StoreError("blocked") names the one that has it. */
export const directoryStore = (path: string): DeviceStore => new FileStore(nodeFiles(path));
