// Checkpoints of real sealed updates in a directory: what one may cover.

import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { Core } from "../../src/core/core.ts";
import { loadModule } from "../../src/core/loadnode.ts";
import { sealer } from "../../src/seal/seal.ts";
import type { FreeholdError } from "../../src/errors.ts";
import { Kind, Verdict } from "../../src/seal/sealer.ts";
import { openCopies } from "../../src/store/copies.ts";
import { StoreError } from "../../src/store/storeerror.ts";
import { directoryStore } from "../../src/store/directory.ts";
import { Compaction, REFUTED } from "../../src/vault/compaction.ts";
import { headToDep } from "../../src/vault/payload.ts";
import { directoryOf } from "./vault-harness.ts";

const newCore = async (): Promise<Core> => Core.start(await loadModule());

/** Cores of which so many die of a file, as one does that the browser gives no memory. */
const dying = (deaths: number) => {
  let started = 0;
  return {
    get started(): number { return started; },
    next: async (): Promise<Core> => {
      const core = await newCore();
      if (++started <= deaths) core.load = () => { throw core.fail("no memory"); };
      return core;
    },
  };
};

/** A document whose only session wrote these updates; gives its checkpoint and what is stored. */
const withUpdates = async (t: TestContext, ...updates: readonly Uint8Array[]) => {
  const copies = await openCopies("home", { stores: [directoryStore(await directoryOf())] });
  t.after(() => copies.close());
  const { doc, secret, genesis } = await sealer.create();
  await copies.putSecret({ doc, type: "note", rights: "owner", secret, genesis, relayHint: null });
  const keys = await sealer.keys(doc, "owner", secret, genesis);
  const session = await keys.newSession();
  let prev = await sealer.sha256(session.cert);
  for (const [seq, update] of updates.entries()) {
    if (update === another) prev = new Uint8Array(32).fill(7);
    const { bytes, hash } = await keys.seal(session, Kind.update, seq, prev, sealer.encodeUpdate({ deps: [], update }));
    await copies.append(doc, session.session, [{ session: session.session, seq, bytes }], [{ session: session.session, cert: session.cert }]);
    prev = hash;
  }
  const compactionOf = (loadCore: () => Promise<Core>): Compaction => new Compaction({ copies, sealer, loadCore, writing: async () => new Set<string>() });
  const compaction = compactionOf(newCore);
  const all = [{ session: session.session, seq: updates.length - 1 }];
  return {
    compactionOf, keys,
    checkpoint: (shown = all) => compaction.checkpoint(keys, session.session, shown, shown),
    build: (shown = all) => compaction.build(keys, shown),
    session: session.session,
    stored: async () => (await copies.load(doc))!,
  };
};

const empty = new Uint8Array();
/** Empty as well; the one before it is of a history that is not here. */
const another = new Uint8Array();
const newer = Uint8Array.of(0x7f, 1, 2, 3, 4);
const waitsForever = Uint8Array.of(0x01, 0x01, 0x07, 0x01, 0x61, 0x01); // its first operation is the second of its session, and nobody wrote the first
const writes = Uint8Array.of(0x41, 0x00, 0x02, 0x30, 0x05, 0x00, 0x01, 0x6e, 0x2a, 0x02); // adds to a counter "n"
const decodesNowhere = Uint8Array.of(0, 9, 9, 9, 200);

for (const [what, update] of [["of a newer version", newer], ["that waits for what nobody wrote", waitsForever]] as const) {
  test(`an update ${what} stays as it is, with all behind it, and holds up no snapshot`, async (t) => {
    const { checkpoint, build, stored } = await withUpdates(t, empty, update, decodesNowhere);
    assert.deepEqual((await build()).heads.map((h) => h.seq), [0]); // a relay is given a snapshot that does not say it has it
    assert.deepEqual((await checkpoint()).covers.map((c) => c.seq), [0]);
    assert.deepEqual((await stored()).snapshot?.covers.map((c) => c.seq), [0]);
    assert.deepEqual((await stored()).envelopes.map((e) => e.seq), [1, 2]);
  });
}

test("S12: what the device may still lose is in no file, for itself or for a relay", async (t) => {
  const { checkpoint, build, stored, session } = await withUpdates(t, empty, writes);
  const shown = [{ session, seq: 0 }];
  const nothing = await build([]);
  assert.deepEqual((await build(shown)).heads.map((h) => h.seq), [0]);
  assert.deepEqual((await build(shown)).digest, nothing.digest);
  assert.notDeepEqual((await build()).digest, nothing.digest, "it would show");
  assert.deepEqual((await checkpoint(shown)).covers.map((c) => c.seq), [0]);
  assert.deepEqual((await stored()).snapshot?.file, nothing.file);
  assert.deepEqual((await stored()).envelopes.map((e) => e.seq), [1]);
});

test("an update that decodes nowhere is covered like an empty one", async (t) => {
  const { checkpoint, stored } = await withUpdates(t, decodesNowhere);
  await checkpoint();
  assert.deepEqual((await stored()).snapshot?.covers.map((c) => c.seq), [0]);
});

test("S19: of two histories only the one that goes on is covered", async (t) => {
  const { checkpoint, build, stored } = await withUpdates(t, empty, empty, another, empty);
  assert.deepEqual((await build()).heads.map((h) => h.seq), [1]);
  assert.deepEqual((await checkpoint()).covers.map((c) => c.seq), [1]);
  assert.deepEqual((await build()).heads.map((h) => h.seq), [1], "nor does it go on behind the file");
  assert.deepEqual((await stored()).envelopes.map((e) => e.seq), [2, 3]);
});

test("S13: a core that dies over an honest snapshot says nothing about it: another one reads it, or none does", async (t) => {
  const { compactionOf, keys, build, session, stored } = await withUpdates(t, writes);
  const { file, digest, heads } = await build();
  const payload = { parent: new Uint8Array(32), covers: heads.map(headToDep), digest, file };
  const once = dying(1);
  const compaction = compactionOf(once.next);
  assert.equal((await compaction.check(keys, payload, false)).verdict, Verdict.sound);
  assert.equal(once.started, 2);
  await compaction.check(keys, payload, false);
  assert.equal(once.started, 2, "the second one stays");
  const twice = dying(2);
  const unlucky = compactionOf(twice.next);
  await assert.rejects(unlucky.check(keys, payload, false), (e: FreeholdError) => e.code === "newer-format");
  assert.equal((await unlucky.check(keys, payload, false)).verdict, Verdict.sound, "it is not held against the snapshot later");
  const lied = { ...payload, digest: new Uint8Array(16) };
  assert.equal((await unlucky.check(keys, lied, false)).verdict, REFUTED);
  assert.equal((await unlucky.check(keys, { ...payload, file: Uint8Array.of(1, 2, 3) }, false)).verdict, REFUTED);
  assert.equal(twice.started, 3);
  await compactionOf(dying(1).next).merge(keys, session, payload);
  await assert.rejects(compactionOf(dying(2).next).merge(keys, session, payload), (e: FreeholdError) => e.code === "core-restarted");
  assert.deepEqual((await stored()).snapshot?.file, file);
});

test("a core that could not be had is asked for again, once for all who need it", async (t) => {
  const { compactionOf, keys, session } = await withUpdates(t, empty, empty);
  const shown = [{ session, seq: 1 }];
  const cores: Core[] = [];
  let asked = 0;
  const compaction = compactionOf(async () => {
    if (++asked === 2) throw new StoreError("blocked", "no memory");
    cores.push(await newCore());
    return cores.at(-1)!;
  });
  const { digest } = await compaction.build(keys, shown);
  cores[0]!.fail("a test says so");
  await assert.rejects(compaction.build(keys, shown), (e: StoreError) => e.code === "blocked");
  const both = await Promise.all([compaction.build(keys, shown), compaction.build(keys, shown)]);
  assert.deepEqual(both.map((b) => b.digest), [digest, digest]);
  assert.equal(asked, 3);
});

test("what is behind a gap is covered when the core took something behind it, and not before", async (t) => {
  const copies = await openCopies("home", { stores: [directoryStore(await directoryOf())] });
  t.after(() => copies.close());
  const { doc, secret, genesis } = await sealer.create();
  await copies.putSecret({ doc, type: "note", rights: "owner", secret, genesis, relayHint: null });
  const keys = await sealer.keys(doc, "owner", secret, genesis);
  const own = await keys.newSession();
  const { session, cert } = own;
  const core = await Core.start(await loadModule());
  const handle = core.create();
  const claims = [{ session, seq: 2, hash: new Uint8Array(32) }]; // of envelopes that nobody gave
  await copies.checkpoint(doc, session, { generation: 1, file: core.save(handle), covers: [], claims });
  let prev = await sealer.sha256(cert);
  for (const [seq, update] of [empty, empty, empty, empty, waitsForever].entries()) {
    const { bytes, hash } = await keys.seal(own, Kind.update, seq, prev, sealer.encodeUpdate({ deps: [], update }));
    prev = hash;
    if (seq === 0 || seq > 2) await copies.append(doc, session, [{ session, seq, bytes }], [{ session, cert }]);
  }
  const compaction = new Compaction({ copies, sealer, loadCore: async () => core, writing: async () => new Set<string>() });
  const all = [{ session, seq: 4 }];
  assert.deepEqual((await compaction.checkpoint(keys, session, all, all)).covers, []);
  assert.deepEqual((await copies.load(doc))!.envelopes.map((e) => e.seq), [0, 3, 4]);
});
