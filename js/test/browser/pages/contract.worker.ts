// The contract of a device store, inside a browser's worker.

import { readFrames } from "../../../../idb/frame.ts";
import { Store, databaseName } from "../../../../idb/schema.ts";
import { chooseStores } from "../../../src/store/copies.ts";
import { FileStore } from "../../../src/store/filestore.ts";
import { IdbStore } from "../../../src/store/idbstore.ts";
import { fileName, opfsFiles } from "../../../src/store/opfs.ts";
import { cases, type Place } from "../../harness/contract.ts";
import { answer } from "./ops.ts";

const opfsPlace = (name: string): Place => ({
  store: () => new FileStore(opfsFiles(name)),
  count: async (doc) => {
    let records = 0, snapshots = 0;
    try {
      const home = await (await (await navigator.storage.getDirectory()).getDirectoryHandle("freehold")).getDirectoryHandle(fileName(name));
      for await (const [entry, handle] of (await home.getDirectoryHandle(doc)).entries()) {
        if (entry.startsWith("snap.")) snapshots++;
        if (entry.startsWith("journal.")) records += readFrames(new Uint8Array(await (await (handle as FileSystemFileHandle).getFile()).arrayBuffer())).frames.length;
      }
    } catch (e) {
      if (!(e instanceof DOMException) || e.name !== "NotFoundError") throw e;
    }
    return { records, snapshots };
  },
});

const idbPlace = (name: string): Place => ({
  store: () => new IdbStore(name),
  count: (doc) =>
    new Promise((resolve, reject) => {
      const request = indexedDB.open(databaseName(name));
      request.onerror = () => reject(request.error);
      request.onsuccess = () => {
        const db = request.result;
        const tx = db.transaction([Store.records, Store.snapshots]);
        const range = IDBKeyRange.bound([doc], [doc, []]);
        const records = tx.objectStore(Store.records).count(range);
        const snapshots = tx.objectStore(Store.snapshots).count(range);
        tx.oncomplete = () => {
          db.close();
          resolve({ records: records.result, snapshots: snapshots.result });
        };
        tx.onabort = () => reject(tx.error);
      };
    }),
});

answer({
  offered: async () => (await chooseStores("probe")).map((s) => s.kind),
  names: () => cases.map((c) => c.name),
  run: async (kind: "opfs" | "indexeddb", i: number) => {
    const name = `contract ${i}/${performance.now()}`;
    await cases[i]?.run(kind === "opfs" ? opfsPlace(name) : idbPlace(name));
    return null;
  },
});
