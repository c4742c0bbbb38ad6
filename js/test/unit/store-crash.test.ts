// Random lives of the device copy, each ended by a kill that keeps, tears or loses what was not flushed; now and then one store is emptied.
// Whatever was reported durable must be there in the next life.

import assert from "node:assert/strict";
import { test } from "node:test";
import { openCopies } from "../../src/store/copies.ts";
import { FileStore } from "../../src/store/filestore.ts";
import type { SessionHead, StoredDoc } from "../../src/store/store.ts";
import { certOf, docId, envelope, secretOf, sessionId } from "../harness/contract.ts";
import { crashFiles, type CrashFiles } from "../harness/crashfiles.ts";
import { randomFrom, seeds, type Random } from "../harness/random.ts";

const doc = docId(1);
const LIVES = 12;

/** What the next life must find: per session the highest number that was reported durable. */
type Acknowledged = Map<number, number>;

const cover = (found: StoredDoc | null, session: number): number => {
  const name = sessionId(session);
  const has = new Set(found?.envelopes.filter((e) => e.session === name).map((e) => e.seq));
  let last = found?.snapshot?.covers.find((c) => c.session === name)?.seq ?? -1;
  while (has.has(last + 1)) last++;
  return last;
};

const heads = (found: StoredDoc | null, sessions: number): readonly SessionHead[] =>
  Array.from({ length: sessions + 1 }, (_, s) => ({ ...certOf(s), seq: cover(found, s), hash: new Uint8Array(32) })).filter((h) => h.seq >= 0);

/** One life: appends and checkpoints until the kill comes, in the middle of one of them. */
const live = async (random: Random, files: readonly CrashFiles[], session: number, acknowledged: Acknowledged): Promise<void> => {
  const copies = await openCopies("crash", { stores: files.map((f) => new FileStore(f)) });
  await copies.putSecret(secretOf(1));
  const found = await copies.load(doc);
  for (const [s, seq] of acknowledged) assert.ok(cover(found, s) >= seq, `session ${s}: ${seq} was reported saved, ${cover(found, s)} is there`);
  if (random.below(2) === 0) await copies.settled();

  let generation = found?.snapshot?.generation ?? 0;
  let dead = false;
  let seq = 0;
  for (let steps = random.between(1, 12); steps > 0; steps--) {
    const last = steps === 1;
    const step = random.below(4) === 0
      ? copies.checkpoint(doc, sessionId(session), { generation: ++generation, claims: [], file: new Uint8Array(random.below(300)), covers: heads(await copies.load(doc), session) })
      : copies.append(doc, sessionId(session), [envelope(session, seq, random.below(400))], seq === 0 ? [certOf(session)] : []).then(() => {
          // Frozen at the moment of the report; what is reported after the kill was never heard.
          if (!dead) acknowledged.set(session, seq++);
        });
    if (!last) {
      await step;
      continue;
    }
    for (let turns = random.below(30); turns > 0; turns--) await null;
    dead = true;
    for (const f of files) f.crash(random);
    await step.catch(() => undefined);
    await copies.close().catch(() => undefined);
  }
};

for (const seed of seeds(150)) {
  test(`seed ${seed}: nothing reported saved is missing after ${LIVES} kills`, async () => {
    const random = randomFrom(seed);
    const files = [crashFiles(), crashFiles()] as const;
    const acknowledged: Acknowledged = new Map();
    for (let life = 0; life < LIVES; life++) {
      await live(random, files, life, acknowledged);
      // A store may be lost once the other one is known to be whole; a check of everything follows in the next life.
      if (random.below(4) !== 0) continue;
      const copies = await openCopies("crash", { stores: files.map((f) => new FileStore(f)) });
      await copies.load(doc);
      await copies.settled();
      const isWhole = copies.copies === 2;
      await copies.close();
      if (isWhole) random.pick(files).wipe();
    }
  });
}

test("the check is able to fail: a store whose flush does nothing loses within a few lives", async () => {
  const lost: number[] = [];
  for (let seed = 1; seed <= 20; seed++) {
    const random = randomFrom(seed);
    const files = [crashFiles()].map((f) => ({
      ...f,
      open: async (dir: string, name: string) => ({ ...(await f.open(dir, name)), flush: async () => undefined }),
    })) as unknown as readonly CrashFiles[];
    const acknowledged: Acknowledged = new Map();
    try {
      for (let life = 0; life < LIVES; life++) await live(random, files, life, acknowledged);
    } catch (e) {
      if (!(e instanceof assert.AssertionError)) throw e;
      lost.push(seed);
    }
  }
  assert.equal(lost.length, 20);
});
