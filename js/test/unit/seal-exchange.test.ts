// Random documents both ways: Go seals and WebCrypto opens and seals the same again; WebCrypto seals and Go opens.
// Repeat a run with FREEHOLD_SEED=<seed>. FREEHOLD_UPDATE=1 also writes the sample that Go keeps reading.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { publicKeyOf } from "../../src/seal/ed25519.ts";
import { sealer } from "../../src/seal/seal.ts";
import { Kind } from "../../src/seal/sealer.ts";
import type { DocumentVector, EnvelopeVector } from "./seal-fixture.ts";
import { checkDocument, hex, newDoc, remakeDocument, sealRun, vectorsDir } from "./seal-fixture.ts";

const DOCUMENTS = 10;
const kinds = [Kind.update, Kind.snapshot, Kind.sessionInfo, Kind.attest];
const seed = Number(process.env["FREEHOLD_SEED"] ?? 1);
const repository = fileURLToPath(new URL("../../../", import.meta.url));
const dir = mkdtempSync(join(tmpdir(), "freehold-seal-"));
after(() => rmSync(dir, { recursive: true }));

const goTest = (name: string, env: Record<string, string>): void => {
  const args = ["test", "./internal/seal", "-count=1", "-run", `^${name}$`, `-seed=${seed}`];
  try {
    execFileSync("go", args, { cwd: repository, env: { ...process.env, ...env }, stdio: "pipe" });
  } catch (cause) {
    assert.fail(`go ${args.join(" ")}\n${String((cause as { stdout?: unknown }).stdout)}${String((cause as { stderr?: unknown }).stderr)}`);
  }
};

/** mulberry32: small, and the same everywhere. */
const generator = (state: number) => (): number => {
  state = (state + 0x6d2b79f5) | 0;
  let t = Math.imul(state ^ (state >>> 15), 1 | state);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
};

/** A document as a browser makes it: real keys, real salts; only the content comes from the seed. */
const sealedHere = async (random: () => number): Promise<DocumentVector> => {
  const d = await newDoc();
  const contents = Array.from({ length: 20 }, () => {
    const plain = Uint8Array.from({ length: Math.floor(random() * 2 ** Math.floor(random() * 14)) }, () => random() * 256);
    return [kinds[Math.floor(random() * kinds.length)]!, plain] as const;
  });
  const run = await sealRun(d.keysOf.write, d.session, contents);
  const envelopes = [];
  for (const [seq, b] of run.entries()) {
    const { kind, prev } = sealer.header(b);
    envelopes.push({ kind, seq, prev: hex(prev), salt: hex(b.subarray(12, 16)), plain: hex(contents[seq]![1]), bytes: hex(b), hash: hex(await sealer.sha256(b)) });
  }
  const vector = (b: Uint8Array, plain: Uint8Array): EnvelopeVector => {
    const { kind, seq, prev } = sealer.header(b);
    return { kind, seq, prev: hex(prev), salt: hex(b.subarray(12, 16)), plain: hex(plain), bytes: hex(b), hash: "" };
  };
  const loose: EnvelopeVector[] = [];
  for (let last = 3; last < 20; last += 1 + Math.floor(random() * 8)) {
    const plain = Uint8Array.from({ length: Math.floor(random() * 5000) }, () => random() * 256);
    const first = Math.floor(random() * last);
    loose.push(vector(await d.keysOf.write.sealPack(d.session, first, last, sealer.header(run[first]!).prev, await sealer.sha256(run[last]!), plain), plain));
    loose.push(vector(await d.keysOf.write.sealEphemeral(d.session, await sealer.sha256(run[19]!), plain), plain));
  }
  const { owner, write, read } = d.secretOf;
  return { owner: hex(owner), write: hex(write), read: hex(read), genesis: hex(d.genesis), doc: d.doc, session: d.session.session, certificate: hex(d.session.cert), envelopes, loose };
};

test(`Go seals, WebCrypto opens and seals the same again (FREEHOLD_SEED=${seed})`, async () => {
  goTest("TestExchangeWrite", { FREEHOLD_SEAL_WRITE: dir });
  const names = readdirSync(dir);
  assert.equal(names.length, DOCUMENTS);
  for (const name of names) {
    const v = JSON.parse(readFileSync(join(dir, name), "utf8")) as DocumentVector;
    await checkDocument(v);
    await remakeDocument(v, publicKeyOf);
  }
});

test(`WebCrypto seals, Go opens (FREEHOLD_SEED=${seed})`, async () => {
  const random = generator(seed);
  for (let i = 0; i < DOCUMENTS; i++) writeFileSync(join(dir, `document-${i}.json`), JSON.stringify(await sealedHere(random)));
  if (process.env["FREEHOLD_UPDATE"] === "1") writeFileSync(new URL("webcrypto.json", vectorsDir), JSON.stringify(await sealedHere(generator(7)), null, 1) + "\n");
  goTest("TestExchangeRead", { FREEHOLD_SEAL_READ: dir });
});
