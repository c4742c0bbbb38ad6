// WebCrypto makes the bytes that Go made, and refuses what Go refuses.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { FreeholdError } from "../../src/errors.ts";
import { publicKeyOf, signingKey, verify } from "../../src/seal/ed25519.ts";
import { clearSize, padded } from "../../src/seal/envelope.ts";
import { verifyFork } from "../../src/seal/fork.ts";
import { isTakenEverywhere, makeGenesis, unlock } from "../../src/seal/keys.ts";
import { sealEnvelope } from "../../src/seal/run.ts";
import { sealer } from "../../src/seal/seal.ts";
import { Kind } from "../../src/seal/sealer.ts";
import { bytes, checkDocument, hex, remakeDocument, vectors } from "./seal-fixture.ts";
import { readForeign } from "../../src/core/value.ts";

test("document: every byte is made again from the seeds", async () => {
  const v = vectors("document.json");
  assert.equal(hex(await makeGenesis(bytes(v.owner))), v.genesis);
  assert.equal(hex(await sealer.attenuate(bytes(v.owner), "owner", "write")), v.write);
  assert.equal(hex(await sealer.attenuate(bytes(v.write), "write", "read")), v.read);
  assert.equal(hex(await sealer.attenuate(bytes(v.owner), "owner", "read")), v.read);
  await remakeDocument(v, publicKeyOf);
});

test("document: a secret whose keys WebKitGTK would not import begins no document", async () => {
  assert.equal(await isTakenEverywhere(bytes("0000000000000000000000000000000000000000000000000000000000000009")), false);
  assert.equal(await isTakenEverywhere(bytes(vectors("document.json").owner)), true);
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

test("a fork is proven", async () => {
  const v = vectors("forks.json");
  const keys = await sealer.keys(v.doc, "read", bytes(v.read), bytes(v.genesis));
  for (const c of v.cases) {
    const judged = verifyFork(v.doc, bytes(c.proof), c.keys ? (e) => keys.open(e) : null);
    if (c.refuse !== undefined) await assert.rejects(judged, { code: c.refuse === "newer" ? "newer-format" : "relay-invalid" }, c.name);
    else assert.equal((await judged).seq, c.seq, c.name);
    if (c.keys && c.refuse === undefined) await assert.rejects(verifyFork(v.doc, bytes(c.proof), null), { code: "relay-invalid" }, c.name);
  }
});

test("padding", () => {
  for (const v of vectors("padding.json")) assert.equal(padded(v.content), v.padded);
});

test("weak keys", async () => {
  for (const v of vectors("weakkeys.json")) assert.equal(await verify(bytes(v.key), bytes(v.message), bytes(v.signature)), false, v.why);
});

test("kinds: a session that says everything", async () => {
  const v = vectors("kinds.json");
  await checkDocument(v);
  const keys = await sealer.keys(v.doc, "read", bytes(v.read), bytes(v.genesis));
  const [info, one, two, attest] = v.envelopes.map((e: any) => bytes(e.bytes)) as [Uint8Array, Uint8Array, Uint8Array, Uint8Array];
  const cert = bytes(v.certificate);

  // The pack takes the place of its run, and nothing vouches for it but its own signature.
  const pack = bytes(v.pack.bytes);
  assert.equal(hex(await keys.open(pack)), v.pack.plain);
  assert.deepEqual((await keys.verifyRun(cert, null, [info, pack, attest])).hashes.map(hex), [v.envelopes[0].hash, v.envelopes[2].hash, v.envelopes[3].hash]);
  const forged = pack.slice();
  forged[forged.length - 1]! ^= 1;
  await assert.rejects(keys.verifyRun(cert, null, [info, forged, attest]), { code: "relay-invalid" });
  assert.equal((await keys.verifyBeginning(cert, null, [info, forged, attest])).hashes.length, 1);
  assert.equal((await keys.verifyBeginning(cert, null, [info, pack, attest])).hashes.length, 3);
  await assert.rejects(keys.verifyRun(cert, null, [info, one, two, pack]), { code: "relay-invalid" });
  assert.deepEqual(sealer.decodePack(await keys.open(pack)).map(hex), [v.envelopes[1].plain, v.envelopes[2].plain]);

  // Presence has a lane of its own.
  assert.equal(hex(await keys.openEphemeral(cert, bytes(v.ephemeral.bytes))), v.ephemeral.plain);
  await assert.rejects(keys.openEphemeral(cert, one), { code: "relay-invalid" });

  for (const r of v.refuse) await assert.rejects(keys.verifyRun(cert, null, [bytes(r.bytes)]), { code: r.newer ? "newer-format" : "relay-invalid" }, r.why);
});

test("kinds: every byte is made again from the seeds", async () => {
  const v = vectors("kinds.json");
  const ring = await unlock(v.doc, "write", bytes(v.write), bytes(v.genesis));
  const key = await signingKey(bytes(v.sessionSeed));
  for (const e of [...v.envelopes, v.pack, v.ephemeral]) {
    const header = { kind: e.kind, session: v.session, seq: e.seq, prev: bytes(e.prev), salt: bytes(e.salt) };
    const clear = bytes(e.bytes).slice(64, 64 + clearSize(e.kind));
    assert.equal(hex(await sealEnvelope(ring, key, header, bytes(e.plain), clear)), e.bytes);
  }
});

test("kinds: contents", () => {
  const { note, presence, left, pack, refuse } = vectors("kinds.json").contents;
  assert.equal(hex(sealer.encodeNote(note.text)), note.bytes);
  assert.equal(sealer.decodeNote(bytes(note.bytes)), note.text);
  const heads = presence.deps.map((d: any) => ({ ...d, hash: bytes(d.hash) }));
  assert.equal(hex(sealer.encodePresence({ heads, state: bytes(presence.update) })), presence.bytes);
  assert.deepEqual(sealer.decodePresence(bytes(presence.bytes)), { heads, state: bytes(presence.update) });
  assert.deepEqual(readForeign(bytes(presence.update)), { name: "Ann", caret: 7 });
  assert.equal(hex(sealer.encodePresence({ heads: [], state: new Uint8Array() })), left.bytes);
  assert.deepEqual([left.deps, left.update], [[], ""]);
  assert.equal(hex(sealer.encodePack(pack.contents.map(bytes))), pack.bytes);
  assert.deepEqual(sealer.decodePack(bytes(pack.bytes)).map(hex), pack.contents);
  const decode: Partial<Record<Kind, (b: Uint8Array) => unknown>> = { [Kind.pack]: sealer.decodePack, [Kind.ephemeral]: sealer.decodePresence };
  for (const r of refuse) assert.throws(() => (decode[r.kind as Kind] ?? sealer.decodeNote)(bytes(r.bytes)), { code: r.newer ? "newer-format" : "relay-invalid" }, r.why);
});

test("statements", async () => {
  const v = vectors("kinds.json");
  const keys = await sealer.keys(v.doc, "owner", bytes(v.owner), bytes(v.genesis));
  const writer = await sealer.keys(v.doc, "write", bytes(v.write), bytes(v.genesis));
  const fetcher = await sealer.fetcher(v.doc, "owner", bytes(v.owner));
  for (const s of v.statements) {
    if (s.says === "fetch") assert.equal(hex(await fetcher.prove(s.relay, bytes(s.nonce))), s.bytes);
    if (s.says === "token") assert.equal(await fetcher.token(s.relay.toUpperCase(), s.expiry), s.token);
    if (s.says === "delete") assert.equal(hex(await keys.deletion(s.relay)), s.bytes);
    if (s.says === "successor") {
      assert.equal(hex(await keys.successor(s.doc)), s.bytes);
      assert.equal(await writer.verifySuccessor(bytes(s.bytes)), s.doc);
      const damaged = bytes(s.bytes);
      damaged[3]! ^= 1;
      await assert.rejects(writer.verifySuccessor(damaged), { code: "relay-invalid" });
    }
  }
  assert.deepEqual(v.statements.map((s: any) => s.says), ["fetch", "token", "delete", "successor"]);
  await assert.rejects(writer.deletion("relay.example"), { code: "read-only" });
  await assert.rejects(writer.successor(v.doc), { code: "read-only" });
});
