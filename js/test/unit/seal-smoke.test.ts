import assert from "node:assert/strict";
import { test } from "node:test";
import { sealer } from "../../src/vault/seal.ts";
import { Kind } from "../../src/vault/sealer.ts";

test("a writer seals, a reader verifies and opens", async () => {
  const { doc, secret, genesis } = await sealer.create();
  const writer = await sealer.keys(doc, "owner", secret, genesis);
  const reader = await sealer.keys(doc, "read", await sealer.attenuate(secret, "owner", "read"), genesis);
  const session = await writer.newSession();
  const plain = new TextEncoder().encode("hello");
  const first = await writer.seal(session, Kind.update, 0, await sealer.sha256(session.cert), plain);
  const second = await writer.seal(session, Kind.update, 1, first.hash, plain);
  const { hashes } = await reader.verifyRun(session.cert, null, [first.bytes, second.bytes]);
  assert.deepEqual(hashes, [first.hash, second.hash]);
  assert.deepEqual(await reader.open(second.bytes), plain);
  const link = await sealer.formatLink({ doc, rights: "owner", secret, relayHint: "localhost:8080" });
  assert.deepEqual(await sealer.parseLink(`https://app.example/#${link}`), { doc, rights: "owner", secret, relayHint: "localhost:8080" });
});
