// Checkpoints of real sealed updates in a directory: what one may cover.

import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { Core } from "../../src/core/core.ts";
import { loadModule } from "../../src/core/loadnode.ts";
import { sealer } from "../../src/seal/seal.ts";
import { Kind } from "../../src/seal/sealer.ts";
import { openCopies } from "../../src/store/copies.ts";
import { directoryStore } from "../../src/store/directory.ts";
import { Compaction } from "../../src/vault/compaction.ts";
import { directoryOf } from "./vault-harness.ts";

/** A document whose only session wrote one update of these bytes; gives its checkpoint and what is stored. */
const withUpdate = async (t: TestContext, update: Uint8Array) => {
  const copies = await openCopies("home", { stores: [directoryStore(await directoryOf())] });
  t.after(() => copies.close());
  const { doc, secret, genesis } = await sealer.create();
  await copies.putSecret({ doc, type: "note", rights: "owner", secret, genesis, relayHint: null });
  const keys = await sealer.keys(doc, "owner", secret, genesis);
  const session = await keys.newSession();
  const { bytes } = await keys.seal(session, Kind.update, 0, await sealer.sha256(session.cert), sealer.encodeUpdate({ deps: [], update }));
  await copies.append(doc, session.session, [{ session: session.session, seq: 0, bytes }], [{ session: session.session, cert: session.cert }]);
  const compaction = new Compaction({ copies, sealer, loadCore: async () => Core.start(await loadModule()), writing: async () => new Set<string>(), locked: (_doc, run) => run() });
  return {
    checkpoint: () => compaction.checkpoint(keys, session.session, [{ session: session.session, seq: 0 }]),
    build: () => compaction.build(keys),
    stored: async () => (await copies.load(doc))!,
  };
};

test("an update of a newer version ends the checkpoint and stays as it is", async (t) => {
  const { checkpoint, build, stored } = await withUpdate(t, Uint8Array.of(0x7f, 1, 2, 3, 4));
  await assert.rejects(checkpoint(), { code: "newer-format" });
  await assert.rejects(build(), { code: "newer-format" }); // nor is a relay given a snapshot that says it has it
  assert.equal((await stored()).snapshot, null);
  assert.equal((await stored()).envelopes.length, 1);
});

test("an update that decodes nowhere is covered like an empty one", async (t) => {
  const { checkpoint, stored } = await withUpdate(t, Uint8Array.of(0, 9, 9, 9, 200));
  await checkpoint();
  assert.deepEqual((await stored()).snapshot?.covers.map((c) => c.seq), [0]);
});
