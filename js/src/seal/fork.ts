// The proof that a session signed two histories: two runs, each of which verifies, that say different things about one place
// (docs/ENVELOPE.md; twin of internal/seal/fork.go).

import { FreeholdError } from "../errors.ts";
import type { DocId, SessionId } from "../protocol.ts";
import { decodePack, reader, varint } from "./content.ts";
import { KEY_SIZE, SIGNATURE_SIZE, strictPoint } from "./ed25519.ts";
import type { Envelope } from "./envelope.ts";
import { corrupt, firstOf, newer, parseEnvelope, SUITE } from "./envelope.ts";
import { sha256 } from "./hkdf.ts";
import { docIdOf, GENESIS_SIZE, type Keyring } from "./keys.ts";
import { equal, join, type Octets } from "./octets.ts";
import { hashOf, verifyCertificate, verifyRun, type Certificate } from "./run.ts";
import { Kind } from "./sealer.ts";

const VERSION = 0;
const NOTHING = new Uint8Array();
/** Most envelopes of one run. One is enough, but for a writer who leaves signatures bad. */
export const MOST_OF_A_FORK = 256;

type Runs = readonly [readonly Uint8Array[], readonly Uint8Array[]];
/** Decrypts one envelope. */
type Open = (envelope: Uint8Array) => Promise<Uint8Array>;

export interface Fork {
  readonly session: SessionId;
  /** The first place of which the two disagree. */
  readonly seq: number;
}

/** varint version │ genesis 113 │ certificate 96 │ 2 × (varint n │ n × (varint size │ envelope)) */
export const encodeFork = (genesis: Uint8Array, cert: Uint8Array, runs: Runs): Octets =>
  join(varint(VERSION), genesis, cert, ...runs.flatMap((run) => [varint(run.length), ...run.flatMap((e) => [varint(e.length), e])]));

/**
 * Judges a proof about a document. It takes no secret, but where a pack says something else than the envelopes it stands for: `open`
 * is of who may read, null otherwise. FreeholdError("relay-invalid" | "newer-format") when it is none.
 */
export const verifyFork = async (doc: DocId, proof: Uint8Array, open: Open | null): Promise<Fork> => {
  const from = reader(proof);
  from.version();
  const genesis = from.take(GENESIS_SIZE);
  const bytes = from.take(KEY_SIZE + SIGNATURE_SIZE);
  const genesisHash = await sha256(genesis);
  const writer = genesis.slice(33, 65);
  if (genesis[0] !== SUITE) throw newer(`suite ${genesis[0]}`);
  if (docIdOf(genesisHash) !== doc || !strictPoint(writer)) throw corrupt(`a proof about another document than ${doc}`);
  const ring = { genesisHash, writer };
  const cert = await verifyCertificate(ring, bytes);
  const runs: Array<readonly Envelope[]> = [];
  for (let i = 0; i < 2; i++) {
    const n = from.varint();
    if (n > MOST_OF_A_FORK) throw corrupt("a run of a proof that is too long");
    const run: Uint8Array[] = [];
    while (run.length < n) run.push(from.take(from.varint()));
    await verifyRun(ring, cert, null, run);
    runs.push(run.map(parseEnvelope));
  }
  if (from.rest().length > 0) throw corrupt("bytes behind a proof");
  const [a, b] = runs as [readonly Envelope[], readonly Envelope[]];
  const seq = (await disagree(a, b)) ?? (open === null ? null : await differ(open, a, b));
  if (seq === null) throw corrupt("two runs of one history");
  return { session: cert.session, seq };
};

/**
 * The first place for which two runs name different hashes, or where two packs end that are not the same: a session packs up to a
 * place once. Null: none.
 */
export const disagree = async (a: readonly Envelope[], b: readonly Envelope[]): Promise<number | null> => {
  const hashBySeq = new Map<number, Uint8Array>();
  const packBySeq = new Map<number, Uint8Array>();
  for (const e of a) {
    if (firstOf(e) > 0) hashBySeq.set(firstOf(e) - 1, e.prev);
    hashBySeq.set(e.seq, await hashOf(e));
    if (e.kind === Kind.pack) packBySeq.set(e.seq, e.bytes);
  }
  const found: number[] = [];
  const isOther = (known: Uint8Array | undefined, hash: Uint8Array): boolean => known !== undefined && !equal(known, hash);
  for (const e of b) {
    if (isOther(hashBySeq.get(firstOf(e) - 1), e.prev)) found.push(firstOf(e) - 1);
    if (isOther(hashBySeq.get(e.seq), await hashOf(e)) || (e.kind === Kind.pack && isOther(packBySeq.get(e.seq), e.bytes))) found.push(e.seq);
  }
  return found.length === 0 ? null : Math.min(...found);
};

/** The first place to which two runs give different contents. Null: none. */
export const differ = async (open: Open, a: readonly Envelope[], b: readonly Envelope[]): Promise<number | null> => {
  const contentBySeq = new Map<number, Uint8Array>();
  for (const [seq, content] of await contentsOf(open, a)) contentBySeq.set(seq, content);
  const found = (await contentsOf(open, b)).filter(([seq, content]) => {
    const other = contentBySeq.get(seq);
    return other !== undefined && !equal(other, content);
  });
  return found.length === 0 ? null : Math.min(...found.map(([seq]) => seq));
};

/**
 * The proof that what came contradicts what is here; null when it does not, or when one of the two is not signed. Both are envelopes of
 * the session of this certificate, in any order and with gaps: only runs are compared, each envelope of which follows the one before it.
 */
export const proveFork = async (
  ring: Pick<Keyring, "genesisHash">, genesis: Uint8Array, cert: Certificate, here: readonly Uint8Array[], came: readonly Uint8Array[], open: Open,
): Promise<Octets | null> => {
  const others = came.map(parseEnvelope);
  const first = Math.min(...others.map(firstOf));
  const mine = await runsOf(here.map(parseEnvelope).filter((e) => e.seq + 1 >= first));
  for (const b of await runsOf(others)) {
    for (const run of mine) {
      const a = run.filter((e) => e.seq + 1 >= firstOf(b[0]!) && firstOf(e) <= b.at(-1)!.seq + 1);
      const hasPack = [...a, ...b].some((e) => e.kind === Kind.pack);
      const seq = (await disagree(a, b)) ?? (hasPack ? await differ(open, a, b) : null);
      if (seq === null) continue;
      const left = await signedFrom(ring, cert, run, seq);
      const right = await signedFrom(ring, cert, b, seq);
      if (left && right) return encodeFork(genesis, cert.bytes, [left, right]);
    }
  }
  return null;
};

/** Envelopes of a session as runs that follow the chain. */
const runsOf = async (envelopes: readonly Envelope[]): Promise<readonly Envelope[][]> => {
  const runs: Envelope[][] = [];
  const runByEnd = new Map<string, Envelope[]>();
  for (const e of [...envelopes].sort((a, b) => firstOf(a) - firstOf(b))) {
    const before = `${firstOf(e)} ${e.prev}`;
    let run = runByEnd.get(before);
    if (run === undefined) runs.push(run = []);
    runByEnd.delete(before);
    run.push(e);
    runByEnd.set(`${e.seq + 1} ${await hashOf(e)}`, run);
  }
  return runs;
};

/** The shortest run from a place on that verifies: mostly one envelope. */
const signedFrom = async (ring: Pick<Keyring, "genesisHash">, cert: Certificate, run: readonly Envelope[], seq: number): Promise<readonly Uint8Array[] | null> => {
  const from = run.slice(run.findIndex((e) => e.seq >= seq)).map((e) => e.bytes);
  for (let n = 1; n <= Math.min(from.length, MOST_OF_A_FORK); n++) {
    const part = from.slice(0, n);
    try {
      await verifyRun(ring, cert, null, part);
      return part;
    } catch (e) {
      if (!(e instanceof FreeholdError)) throw e; // the next one may vouch for it
    }
  }
  return null;
};

/** What updates and packs say, by place. */
const contentsOf = async (open: Open, run: readonly Envelope[]): Promise<ReadonlyArray<readonly [number, Uint8Array]>> => {
  const all: Array<readonly [number, Uint8Array]> = [];
  for (const e of run) {
    if (e.kind !== Kind.update && e.kind !== Kind.pack) continue;
    const contents = await contentsOfOne(open, e);
    for (let i = 0; i <= e.seq - firstOf(e); i++) all.push([firstOf(e) + i, contents?.[i] ?? NOTHING]);
  }
  return all;
};

/** Null for what does not decrypt, or is no pack: it says nothing in any of its places. FreeholdError("newer-format"). */
const contentsOfOne = async (open: Open, e: Envelope): Promise<readonly Uint8Array[] | null> => {
  if (e.seq - firstOf(e) >= e.size) throw corrupt(`a pack of ${firstOf(e)} to ${e.seq} in ${e.size} bytes`);
  try {
    const plain = await open(e.bytes);
    const contents = e.kind === Kind.pack ? decodePack(plain) : [plain];
    return contents.length === e.seq - firstOf(e) + 1 ? contents : null;
  } catch (why) {
    if (why instanceof FreeholdError && why.code === "relay-invalid") return null;
    throw why;
  }
};
