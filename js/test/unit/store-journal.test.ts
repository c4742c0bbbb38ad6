// What a file store makes of torn files and failing writes.

import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeFrame, readFrames } from "../../../idb/frame.ts";
import { encodeMarker } from "../../../idb/record.ts";
import { FileStore } from "../../src/store/filestore.ts";
import type { StoreError } from "../../src/store/storeerror.ts";
import { certOf, docId, envelope, headOf, secretOf, sessionId, snapshotOf } from "../harness/contract.ts";
import { crashFiles, type CrashFiles } from "../harness/crashfiles.ts";

const doc = docId(1);
const journal = (n: number): string => `${doc}/journal.${sessionId(1)}.${n}`;
const opened = async (files: CrashFiles): Promise<FileStore> => {
  const store = new FileStore(files);
  await store.open();
  return store;
};
const flush = (store: FileStore, seq: number, length = 50): Promise<void> => store.append(doc, sessionId(1), [envelope(1, seq, length)], seq === 0 ? [certOf(1)] : []);
const loaded = async (store: FileStore): Promise<readonly number[]> => ((await store.load(doc))?.envelopes ?? []).map((e) => e.seq);
const rejectsWith = (code: string) => (e: unknown): boolean => (e as StoreError).code === code && (e as StoreError).hint.length > 0;

test("a journal cut at any byte loads exactly its whole records, and later writes stay clear of the rest", async () => {
  const files = crashFiles();
  const store = await opened(files);
  await store.putSecret(secretOf(1));
  for (const seq of [0, 1, 2]) await flush(store, seq);
  await store.close();
  const whole = files.bytes(journal(0)) as Uint8Array;
  for (let length = 0; length < whole.length; length++) {
    files.put(journal(0), whole.slice(0, length));
    const next = await opened(files);
    const expected = readFrames(whole.subarray(0, length)).frames.map((_, i) => i);
    assert.deepEqual(await loaded(next), expected, `${length} bytes`);
    await flush(next, 9);
    assert.deepEqual(await loaded(next), [...expected, 9]);
    assert.equal(files.bytes(journal(0))?.length, length, "the torn file is left as it was");
    await next.close();
    for (const name of files.names) if (name !== journal(0) && name.includes("journal.")) await files.remove(doc, name.slice(doc.length + 1));
  }
});

for (const code of ["quota", "storage-lost"] as const) {
  test(`a write that fails half way (${code}) is cut back before the next one`, async () => {
    const files = crashFiles();
    const store = await opened(files);
    await store.putSecret(secretOf(1));
    await flush(store, 0);
    files.failNext("write", code);
    await assert.rejects(flush(store, 1), rejectsWith(code));
    await flush(store, 2);
    assert.deepEqual(await loaded(store), [0, 2]);
    assert.deepEqual(readFrames(files.bytes(journal(0)) as Uint8Array).damage, []);
  });
}

test("where the half-written record cannot be cut, the segment is left behind", async () => {
  const files = crashFiles();
  const store = await opened(files);
  await store.putSecret(secretOf(1));
  await flush(store, 0);
  files.failNext("write", "quota");
  files.failNext("truncate", "storage-lost");
  await assert.rejects(flush(store, 1), rejectsWith("quota"));
  await flush(store, 2);
  assert.deepEqual(await loaded(store), [0, 2]);
  assert.equal(readFrames(files.bytes(journal(1)) as Uint8Array).frames.length, 1, "in a segment of its own");
});

test("an append whose flush fails was not saved, and nothing of it comes back later", async () => {
  const files = crashFiles();
  const store = await opened(files);
  await store.putSecret(secretOf(1));
  await flush(store, 0);
  files.failNext("flush", "storage-lost");
  await assert.rejects(flush(store, 1), rejectsWith("storage-lost"));
  await flush(store, 2);
  assert.deepEqual(await loaded(store), [0, 2]);
});

test("a torn snapshot gives the generation before it, with every record that this one needs", async () => {
  const files = crashFiles();
  const store = await opened(files);
  await store.putSecret(secretOf(1));
  for (const g of [1, 2, 3]) {
    await flush(store, g);
    await store.checkpoint(doc, sessionId(1), snapshotOf(g, [headOf(1, g)]));
  }
  const newest = `${doc}/snap.3`;
  files.put(newest, (files.bytes(newest) as Uint8Array).slice(0, 3000));
  const found = await store.load(doc);
  assert.equal(found?.snapshot?.generation, 2);
  assert.deepEqual(found?.envelopes.map((e) => e.seq), [3]);
});

test("a journal with a record of a later version is not dropped", async () => {
  const files = crashFiles();
  const store = await opened(files);
  await store.putSecret(secretOf(1));
  const strange = `${doc}/journal.${sessionId(2)}.0`;
  files.put(strange, Uint8Array.from([...encodeMarker()]));
  for (const g of [1, 2, 3]) await store.checkpoint(doc, sessionId(1), snapshotOf(g, [headOf(1, g)]));
  assert.ok(files.names.includes(strange));
});

test("a store of a newer format is refused and not touched", async () => {
  const files = crashFiles();
  files.put("/marker", encodeFrame(0, 0, Uint8Array.of(1)));
  const before = files.bytes("/marker");
  await assert.rejects(new FileStore(files).open(), rejectsWith("newer-format"));
  assert.deepEqual(files.bytes("/marker"), before);
  assert.deepEqual(files.names, ["/marker"]);
});

test("a secret that was half replaced is still the old one, and can be replaced again", async () => {
  const files = crashFiles();
  const store = await opened(files);
  await store.putSecret(secretOf(1, { genesis: null }));
  files.failNext("write", "quota");
  await assert.rejects(store.putSecret(secretOf(1)), rejectsWith("quota"));
  assert.deepEqual((await store.load(doc))?.secret, secretOf(1, { genesis: null }));
  await store.putSecret(secretOf(1));
  assert.deepEqual((await store.load(doc))?.secret, secretOf(1));
  const bytes = files.bytes(`${doc}/secret`) as Uint8Array;
  files.put(`${doc}/secret`, Uint8Array.from([...bytes, ...new Uint8Array(4096)]));
  await store.putSecret(secretOf(1, { relayHint: "r.example" }));
  assert.deepEqual((await store.load(doc))?.secret.relayHint, "r.example");
  assert.deepEqual(readFrames(files.bytes(`${doc}/secret`) as Uint8Array).damage, [], "a torn tail is cut");
});

test("a head that was half written leaves the one before it", async () => {
  const files = crashFiles();
  const store = await opened(files);
  await store.putSecret(secretOf(1));
  const head = (changed: number) => ({ id: doc, type: "note", rights: "owner" as const, changed, head: { n: changed } });
  for (const n of [1, 2, 3]) {
    await store.putHead(head(n));
    files.failNext("write", "quota");
    await assert.rejects(store.putHead(head(100 + n)), rejectsWith("quota"));
    assert.deepEqual((await store.list())[0]?.head, head(n));
  }
});

test("a store that was emptied under an open journal takes nothing more, and says why", async () => {
  const files = crashFiles();
  const store = await opened(files);
  await store.putSecret(secretOf(1));
  await flush(store, 0);
  files.wipe();
  await assert.rejects(flush(store, 1), rejectsWith("evicted"));
  await assert.rejects(flush(store, 2), rejectsWith("evicted"));
  await assert.rejects(store.putHead({ id: doc, type: "note", rights: "owner", changed: 1, head: {} }), rejectsWith("evicted"));
  await assert.rejects(store.putMark(doc, { relay: "r", store: "s", cursor: 1, last: 5, tail: 3, snapshot: 7, known: [] }), rejectsWith("evicted"));
  await assert.rejects(store.checkpoint(doc, sessionId(1), snapshotOf(1, [headOf(1, 0)])), rejectsWith("evicted"));
  assert.deepEqual(files.names, [], "nothing is left that nobody could open");
  assert.deepEqual(await store.open(), { fresh: true });
  await store.putSecret(secretOf(1));
  await flush(store, 1);
  assert.deepEqual(await loaded(store), [1]);
});
