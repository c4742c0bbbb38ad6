// A writer who signs two histories, against the real relay: whoever meets both keeps the proof, freezes the session and says so.

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { Core } from "../../src/core/core.ts";
import { loadModule } from "../../src/core/loadnode.ts";
import { sealer } from "../../src/seal/seal.ts";
import { openCopies } from "../../src/store/copies.ts";
import { directoryStore } from "../../src/store/directory.ts";
import { Compaction } from "../../src/vault/compaction.ts";
import { verifyFork } from "../../src/seal/fork.ts";
import { Kind } from "../../src/seal/sealer.ts";
import { encodeFrame, MEDIA_TYPE } from "../../src/wire/wire.ts";
import { newKeyPair } from "../../src/seal/ed25519.ts";
import { unlock } from "../../src/seal/keys.ts";
import { certify, sealEnvelope, sessionOf } from "../../src/seal/run.ts";
import { startRelay } from "../e2e/relayprocess.ts";
import { directoryOf, start } from "./vault-harness.ts";

/** A device with a document of one edit on a relay, and a writer who seals whatever he likes. */
const shared = async (t: TestContext, others: readonly string[] = []) => {
  const relay = await startRelay();
  t.after(() => relay.end());
  const path = await directoryOf();
  const page = await start(t, path, [relay.url, ...others]);
  const mine = await page.edit({ op: "create", type: "note" });
  await mine.type(0, "base");
  await page.until("the relay has it", () => mine.status.unsent === 0 && mine.status.relayState === "live");
  const { link } = await page.request({ op: "link", doc: mine.doc, rights: "write" });
  const parsed = await sealer.parseLink(link);
  const genesis = new Uint8Array(await (await fetch(`${relay.url}/v1/docs/${mine.doc}/genesis`)).arrayBuffer());
  const ring = await unlock(parsed.doc, parsed.rights, parsed.secret, genesis);
  const { key, publicKey } = await newKeyPair();
  const session = await sessionOf(publicKey);
  const cert = await certify(ring, ring.write!, publicKey);
  const first = await sealer.sha256(cert);
  /** An update without operations; `word` tells two of them apart. */
  const seal = async (seq: number, prev: Uint8Array, word: number): Promise<Uint8Array> =>
    sealEnvelope(ring, key, { kind: Kind.update, session, seq, prev, salt: Uint8Array.of(0, 0, 0, word) }, sealer.encodeUpdate({ deps: [], update: new Uint8Array() }));
  const append = async (envelopes: readonly Uint8Array[], url = relay.url): Promise<void> => {
    await fetch(`${url}/v1/docs/${mine.doc}/genesis`, { method: "PUT", body: genesis });
    const body = encodeFrame({ type: "append", doc: mine.doc, req: 1, cert, envelopes, covers: null });
    const answer = await fetch(`${url}/v1/docs/${mine.doc}`, { method: "POST", headers: { "Content-Type": MEDIA_TYPE }, body });
    assert.equal(answer.status, 200, await answer.text());
  };
  /** The relay loses what it has, and has this instead. */
  const replace = async (envelopes: readonly Uint8Array[]): Promise<void> => {
    await page.request({ op: "pause" });
    await relay.wipe();
    await relay.start();
    await append(envelopes);
    await page.request({ op: "resume" });
  };
  /** Folds the first envelope of the writer into the device's file, as a checkpoint does. */
  const fold = async (): Promise<void> => {
    const copies = await openCopies("home", { stores: [directoryStore(join(path, "home"))] });
    const compaction = new Compaction({ copies, sealer, loadCore: async () => Core.start(await loadModule()), writing: async () => new Set<string>() });
    const keys = await sealer.keys(parsed.doc, parsed.rights, parsed.secret, genesis);
    const covers = [{ session, seq: 0 }];
    assert.ok((await compaction.checkpoint(keys, session, covers, covers)).covers.some((c) => c.session === session));
    await copies.close();
  };
  return { relay, path, page, mine, link, session, first, seal, append, replace, fold };
};

const isForked = (message: string | undefined): boolean => /two different histories/.test(message ?? "");

test("S5: another envelope in the place of one that is here is kept as the proof, also over a restart", { timeout: 60_000 }, async (t) => {
  const { relay, path, page, mine, session, first, seal, append, replace } = await shared(t);
  const zero = await seal(0, first, 1);
  const one = await seal(1, await sealer.sha256(zero), 2);
  await append([zero, one]);
  await page.until("it is here", () => mine.sealed.length === 3);
  assert.deepEqual((await page.request({ op: "proofs", doc: mine.doc })).proofs, []);
  const other = await seal(1, await sealer.sha256(zero), 3);
  await replace([zero, other]);
  await page.until("it is found out", () => isForked(mine.status.problem?.message));
  const { proofs } = await page.request({ op: "proofs", doc: mine.doc });
  assert.equal(proofs.length, 1);
  assert.deepEqual(await verifyFork(mine.doc, proofs[0]!, null), { session, seq: 1 });
  const whole = Buffer.from(proofs[0]!);
  assert.ok(whole.includes(Buffer.from(one)) && whole.includes(Buffer.from(other)), "both branches are in it");

  await page.request({ op: "stop" });
  const again = await start(t, path, [relay.url]);
  const reopened = await again.edit({ op: "open", doc: mine.doc, type: "note" });
  assert.ok(isForked(reopened.status.problem?.message), "the session is frozen still");
  assert.deepEqual((await again.request({ op: "proofs", doc: mine.doc })).proofs, proofs);
  await reopened.type(4, "!");
  await again.until("others are not held up", () => reopened.status.relay >= 1);
});

test("S5: what follows another history than the one here is a proof too", { timeout: 60_000 }, async (t) => {
  const { page, mine, session, first, seal, append, replace } = await shared(t);
  const zero = await seal(0, first, 1);
  await append([zero]);
  await page.until("it is here", () => mine.sealed.length === 2);
  const other = await seal(0, first, 2);
  await replace([await seal(1, await sealer.sha256(other), 3)]);
  await page.until("it is found out", () => isForked(mine.status.problem?.message));
  let proofs: readonly Uint8Array[] = [];
  while (proofs.length === 0) ({ proofs } = await page.request({ op: "proofs", doc: mine.doc })); // it is made while the status is told
  assert.deepEqual(await verifyFork(mine.doc, proofs[0]!, null), { session, seq: 0 });
});

test("S19: of two histories that two relays have, each one, no mixture is kept, and both are the proof", { timeout: 120_000 }, async (t) => {
  const second = await startRelay();
  t.after(() => second.end());
  const { relay, path, page, mine, session, first, seal, append } = await shared(t, [second.url]);
  const zero = await seal(0, first, 1);
  await append([zero]);
  await page.until("it is here", () => mine.sealed.length === 2);
  await page.request({ op: "pause" });
  await append([zero], second.url).catch(() => undefined); // it may have it already
  for (const [url, word] of [[relay.url, 2], [second.url, 5]] as const) { // longer than the other one, each in its way
    const one = await seal(1, await sealer.sha256(zero), word);
    const two = await seal(2, await sealer.sha256(one), word + 1);
    await append(word === 2 ? [one, two] : [one, two, await seal(3, await sealer.sha256(two), word + 2)], url);
  }
  await page.request({ op: "resume" });
  await page.until("it is found out", () => isForked(mine.status.problem?.message));
  let proofs: readonly Uint8Array[] = [];
  while (proofs.length === 0) ({ proofs } = await page.request({ op: "proofs", doc: mine.doc })); // it is made while the status is told
  assert.deepEqual(await verifyFork(mine.doc, proofs[0]!, null), { session, seq: 1 });

  await page.request({ op: "stop" });
  const again = await start(t, path, [relay.url, second.url]);
  const reopened = await again.edit({ op: "open", doc: mine.doc, type: "note" });
  assert.ok(isForked(reopened.status.problem?.message), "the session is frozen still");
  await reopened.type(4, "!");
  await again.until("others are not held up", () => reopened.status.relay >= 1 && reopened.status.unsent === 0);
  assert.equal(reopened.value, "base!");
});

test("S5: of a fork whose first branch a checkpoint took in it is remembered that there was one", { timeout: 60_000 }, async (t) => {
  const { relay, path, page, mine, session, first, seal, append, fold } = await shared(t);
  await append([await seal(0, first, 1)]);
  await page.until("it is here", () => mine.sealed.length === 2);
  const one = await seal(1, await sealer.sha256(await seal(0, first, 2)), 3);
  await page.request({ op: "stop" });
  await fold();
  await relay.wipe();
  await relay.start();
  await append([one]);
  const again = await start(t, path, [relay.url]);
  const reopened = await again.edit({ op: "open", doc: mine.doc, type: "note" });
  await again.until("it is found out", () => isForked(reopened.status.problem?.message));
  const kept = join(path, "home", mine.doc, `proof.${session}`);
  while (!existsSync(kept)) assert.deepEqual((await again.request({ op: "proofs", doc: mine.doc })).proofs, []); // it is written while the status is told
  await again.request({ op: "stop" });

  const third = await start(t, path, [relay.url]);
  const last = await third.edit({ op: "open", doc: mine.doc, type: "note" });
  assert.ok(isForked(last.status.problem?.message), "it is told after a restart");
  assert.deepEqual((await third.request({ op: "proofs", doc: mine.doc })).proofs, []);
});
