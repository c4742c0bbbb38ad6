// Packs, against the real relay: a run of keystrokes becomes one envelope there, and means the same to who comes later.

import assert from "node:assert/strict";
import { test } from "node:test";
import { newKeyPair } from "../../src/seal/ed25519.ts";
import { packClear } from "../../src/seal/envelope.ts";
import { unlock } from "../../src/seal/keys.ts";
import { certify, sealEnvelope, sessionOf } from "../../src/seal/run.ts";
import { sealer } from "../../src/seal/seal.ts";
import { Kind } from "../../src/seal/sealer.ts";
import { nodeEnv } from "../../src/vault/nodeenv.ts";
import type { WireEvents } from "../../src/wire/socket.ts";
import { startRelay } from "../e2e/relayprocess.ts";
import { directoryOf, start, type Editor } from "./vault-harness.ts";

const kindsOf = (e: Editor): readonly number[] => e.sealed.map((b) => sealer.header(b).kind);

test("S14: keystrokes are packed on the relay, new and empty devices and the next edits go on from there", { timeout: 60_000 }, async (t) => {
  const relay = await startRelay();
  t.after(() => relay.end());
  const page = await start(t, await directoryOf(), [relay.url]);
  const mine = await page.edit({ op: "create", type: "note" });
  for (let i = 0; i < 40; i++) await mine.type(i, String(i % 10));
  await page.until("the relay has it", () => mine.status.relay === 40);
  await page.until("it is packed", () => kindsOf(mine).includes(Kind.pack));
  await mine.type(40, "!");
  await page.until("the next one too", () => mine.status.relay === 41); // appends are answered in order: the pack was, before

  const { link } = await page.request({ op: "link", doc: mine.doc, rights: "write" });
  const path = await directoryOf();
  const other = await start(t, path, [relay.url]);
  const joined = await other.edit({ op: "join", link, type: "note" });
  await other.until("a new device has all of it", () => joined.value === mine.value && joined.status.content === "complete" && joined.sealed.length > 0);
  assert.deepEqual(kindsOf(joined), [Kind.pack, Kind.update]);
  assert.equal(joined.digest, mine.digest);
  const single = mine.sealed.filter((e) => sealer.header(e).kind === Kind.update).reduce((n, e) => n + e.length, 0);
  const packed = joined.sealed.reduce((n, e) => n + e.length, 0);
  t.diagnostic(`${single} bytes of 41 envelopes, ${packed} with the pack`);
  assert.ok(packed * 2 < single, `${packed} bytes in the place of ${single}`);

  // What was taken out of a pack is read from the device again, and fills another relay.
  await other.request({ op: "stop" });
  await page.request({ op: "stop" });
  await relay.wipe();
  await relay.start();
  const again = await start(t, path, [relay.url]);
  const reopened = await again.edit({ op: "open", doc: mine.doc, type: "note" });
  assert.equal(reopened.value, joined.value);
  await again.until("an empty relay is filled with it", () => reopened.status.unsent === 0 && reopened.status.relayState === "live");
  const third = await start(t, await directoryOf(), [relay.url]);
  const late = await third.edit({ op: "join", link, type: "note" });
  await third.until("a third device has all of it", () => late.value === joined.value && late.status.content === "complete");
});

test("S14: a pack that says it stands for more than a pack may ends no connection", { timeout: 60_000 }, async (t) => {
  const relay = await startRelay();
  t.after(() => relay.end());
  const path = await directoryOf();
  const env = nodeEnv(path);
  const connections: WireEvents[] = [];
  const page = await start(t, path, [relay.url], { ...env, openWire: (address, on) => {
    connections.push(on);
    return env.openWire(address, on);
  } });
  const mine = await page.edit({ op: "create", type: "note" });
  const other = await page.edit({ op: "create", type: "note" });
  await mine.type(0, "base");
  await page.until("the relay has it", () => mine.status.relay === 4 && mine.status.relayState === "live");

  const { link } = await page.request({ op: "link", doc: mine.doc, rights: "write" });
  const { doc, rights, secret } = await sealer.parseLink(link);
  const ring = await unlock(doc, rights, secret, new Uint8Array(await (await fetch(`${relay.url}/v1/docs/${doc}/genesis`)).arrayBuffer()));
  const { key, publicKey } = await newKeyPair();
  const cert = await certify(ring, ring.write!, publicKey);
  const header = { kind: Kind.pack, session: await sessionOf(publicKey), seq: 4096, prev: await sealer.sha256(cert), salt: new Uint8Array(4) };
  const envelope = await sealEnvelope(ring, key, header, new Uint8Array([0]), packClear(0, new Uint8Array(32)));
  connections[0]!.frame({ type: "batch", doc, entries: [{ cursor: 2, envelope, cert, covers: 0 }], upTo: 2, more: false });

  await mine.type(4, "!");
  await other.type(0, "another document");
  await page.until("both go on", () => mine.status.relay === 5 && other.status.relay === 16);
  assert.equal(connections.length, 1);
  assert.deepEqual([mine.status.content, mine.status.problem], ["complete", null]);
});
