// The contract of a device store, on a real directory.

import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { readFrames } from "../../../idb/frame.ts";
import { directoryStore } from "../../src/store/directory.ts";
import { cases, type Place } from "../harness/contract.ts";

const placeIn = (root: string): Place => ({
  store: () => directoryStore(root),
  count: async (doc) => {
    const names = await readdir(join(root, doc)).catch(() => []);
    let records = 0;
    for (const name of names.filter((n) => n.startsWith("journal."))) records += readFrames(await readFile(join(root, doc, name))).frames.length;
    return { records, snapshots: names.filter((n) => n.startsWith("snap.")).length };
  },
});

for (const c of cases) {
  test(`directory: ${c.name}`, async (t) => {
    const root = await mkdtemp(join(tmpdir(), "freehold-store-"));
    t.after(() => rm(root, { recursive: true, force: true }));
    await c.run(placeIn(join(root, "home")));
  });
}
