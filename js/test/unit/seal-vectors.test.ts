// WebCrypto makes the bytes that Go made, and refuses what Go refuses.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { FreeholdError } from "../../src/errors.ts";
import { publicKeyOf, verify } from "../../src/seal/ed25519.ts";
import { padded } from "../../src/seal/envelope.ts";
import { makeGenesis } from "../../src/seal/keys.ts";
import { sealer } from "../../src/seal/seal.ts";
import { Kind } from "../../src/seal/sealer.ts";
import { bytes, checkDocument, hex, remakeDocument, vectors } from "./seal-fixture.ts";

test("document: every byte is made again from the seeds", async () => {
  const v = vectors("document.json");
  assert.equal(hex(await makeGenesis(bytes(v.owner))), v.genesis);
  assert.equal(hex(await sealer.attenuate(bytes(v.owner), "owner", "write")), v.write);
  assert.equal(hex(await sealer.attenuate(bytes(v.write), "write", "read")), v.read);
  assert.equal(hex(await sealer.attenuate(bytes(v.owner), "owner", "read")), v.read);
  await remakeDocument(v, publicKeyOf);
});

test("document: a reader verifies and opens it", async () => {
  await checkDocument(vectors("document.json"));
  await checkDocument(vectors("webcrypto.json"));
});

test("links", async () => {
  const hints = { "no key": /after #/, newer: /update the app/, "cut short": /cut short: copy it again whole/, mistyped: /copy the link again/ };
  for (const v of vectors("links.json")) {
    if (v.refuse === undefined) {
      const link = await sealer.parseLink(v.text);
      assert.deepEqual({ ...link, secret: hex(link.secret) }, { doc: v.doc, rights: v.rights, secret: v.secret, relayHint: v.relay ?? null });
      assert.ok(v.text.trim().endsWith(await sealer.formatLink(link)), v.text);
    } else {
      await assert.rejects(sealer.parseLink(v.text), (e: FreeholdError) => {
        assert.equal(e.code, v.refuse === "newer" ? "newer-format" : "bad-link", v.text);
        assert.match(e.hint, hints[v.refuse as keyof typeof hints], v.text);
        return true;
      });
    }
  }
});

test("payloads", () => {
  const v = vectors("payloads.json");
  const dep = (d: any) => ({ ...d, hash: bytes(d.hash) });
  for (const u of v.updates) {
    const payload = { deps: u.deps.map(dep), update: bytes(u.update) };
    assert.equal(hex(sealer.encodeUpdate(payload)), u.bytes);
    assert.equal(hex(sealer.encodeUpdate({ ...payload, deps: payload.deps.toReversed() })), u.bytes);
    assert.deepEqual(sealer.decodeUpdate(bytes(u.bytes)), payload);
  }
  for (const s of v.snapshots) {
    const payload = { parent: bytes(s.parent), covers: s.covers.map(dep), digest: bytes(s.digest), file: bytes(s.file) };
    assert.equal(hex(sealer.encodeSnapshot(payload)), s.bytes);
    assert.deepEqual(sealer.decodeSnapshot(bytes(s.bytes)), payload);
  }
  for (const r of v.refuse) {
    const decode = r.kind === Kind.update ? sealer.decodeUpdate : sealer.decodeSnapshot;
    assert.throws(() => decode(bytes(r.bytes)), { code: r.newer ? "newer-format" : "relay-invalid" }, r.why);
  }
});

test("nothing is encoded that a peer must refuse", () => {
  const head = { session: "A".repeat(22), seq: 1, hash: new Uint8Array(16) };
  const update = new Uint8Array();
  for (const [name, deps] of [
    ["a session twice", [head, { ...head, seq: 2 }]],
    ["a negative seq", [{ ...head, seq: -1 }]],
    ["a seq over 32 bits", [{ ...head, seq: 2 ** 32 }]],
    ["half a seq", [{ ...head, seq: 0.5 }]],
    ["a whole hash", [{ ...head, hash: new Uint8Array(32) }]],
    ["no session id", [{ ...head, session: "" }]],
  ] as const) assert.throws(() => sealer.encodeUpdate({ deps, update }), { code: "invalid" }, name);
});

test("padding", () => {
  for (const v of vectors("padding.json")) assert.equal(padded(v.content), v.padded);
});

test("weak keys", async () => {
  for (const v of vectors("weakkeys.json")) assert.equal(await verify(bytes(v.key), bytes(v.message), bytes(v.signature)), false, v.why);
});
