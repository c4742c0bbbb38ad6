// A real directory that somebody removes while it is open.

import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { directoryStore } from "../../src/store/directory.ts";
import type { DeviceStore } from "../../src/store/store.ts";
import type { StoreError } from "../../src/store/storeerror.ts";
import { certOf, docId, envelope, secretOf, sessionId } from "../harness/contract.ts";

const doc = docId(1);
const flush = (store: DeviceStore, seq: number): Promise<void> => store.append(doc, sessionId(1), [envelope(1, seq)], [certOf(1)]);
const isEvicted = (e: StoreError): boolean => e.code === "evicted";

const opened = async (t: TestContext): Promise<{ readonly store: DeviceStore; readonly root: string }> => {
  const parent = await mkdtemp(join(tmpdir(), "freehold-directory-"));
  t.after(() => rm(parent, { recursive: true, force: true }));
  const root = join(parent, "home");
  const store = directoryStore(root);
  await store.open();
  t.after(() => store.close());
  await store.putSecret(secretOf(1));
  await flush(store, 0);
  return { store, root };
};

test("an append to a removed directory is not durable, and says so", async (t) => {
  const { store, root } = await opened(t);
  await rm(root, { recursive: true });
  await assert.rejects(flush(store, 1), isEvicted);
  await assert.rejects(flush(store, 2), isEvicted);
  await assert.rejects(store.putHead({ id: doc, type: "note", rights: "owner", changed: 1, head: {} }), isEvicted);
  assert.equal(await readdir(root).catch(() => null), null, "nothing made it again");
});

test("a removed directory is opened again as an empty one, and belongs to this process again", async (t) => {
  const { store, root } = await opened(t);
  await rm(root, { recursive: true });
  await assert.rejects(flush(store, 1), isEvicted);
  assert.deepEqual(await store.open(), { fresh: true });
  await store.putSecret(secretOf(1));
  await flush(store, 1);
  assert.deepEqual((await store.load(doc))?.envelopes.map((e) => e.seq), [1]);
  await assert.rejects(directoryStore(root).open(), (e: StoreError) => e.code === "blocked");
});

test("a directory that was removed and made again by hand is an emptied one too", async (t) => {
  const { store, root } = await opened(t);
  await rm(root, { recursive: true });
  await mkdir(root);
  await assert.rejects(store.putHead({ id: doc, type: "note", rights: "owner", changed: 1, head: {} }), isEvicted);
  await assert.rejects(flush(store, 1), isEvicted);
});
