// What every DeviceStore must do, as cases that run the same in Node and inside a browser's worker: no test framework, only thrown errors.

import { toBase32, toBase64url } from "../../src/ids.ts";
import type { DocId, SessionId } from "../../src/protocol.ts";
import type { DeviceStore, SessionHead, StoredDoc, StoredEnvelope, StoredSecret, StoredSnapshot } from "../../src/store/store.ts";

/** Opens stores on one place, which is empty at the start of each case. */
export interface Place {
  /** A store that was not opened yet; each call is another life on the same place. */
  store(): DeviceStore;
  /** How many entries records and how many snapshots lie there, counted without the store. */
  count(doc: DocId): Promise<{ readonly records: number; readonly snapshots: number }>;
}

export interface Case {
  readonly name: string;
  run(place: Place): Promise<void>;
}

// Numbered ids and bytes: a failure shows which one is missing.
const bytesOf = (length: number, seed: number): Uint8Array => Uint8Array.from({ length }, (_, i) => (seed * 31 + i * 7) & 255);
export const docId = (n: number): DocId => toBase32(bytesOf(20, n));
export const sessionId = (n: number): SessionId => toBase64url(bytesOf(16, 100 + n));
export const certOf = (n: number): StoredDoc["certs"][number] => ({ session: sessionId(n), cert: bytesOf(96, n) });
export const envelope = (session: number, seq: number, length = 200): StoredEnvelope => ({ session: sessionId(session), seq, bytes: bytesOf(length, session * 1000 + seq) });
export const secretOf = (n: number, o: Partial<StoredSecret> = {}): StoredSecret => ({
  doc: docId(n), type: "note", rights: "owner", secret: bytesOf(32, n), genesis: bytesOf(113, n), relayHint: null, ...o,
});
export const headOf = (session: number, seq: number): SessionHead => ({ ...certOf(session), seq, hash: bytesOf(32, seq) });
export const snapshotOf = (generation: number, covers: readonly SessionHead[], length = 5000): StoredSnapshot => ({ generation, covers, claims: [], file: bytesOf(length, generation) });

const plain = (value: unknown): string =>
  JSON.stringify(value, (_, v: unknown) =>
    v instanceof Uint8Array ? `bytes ${v.length}: ${toBase64url(v)}`
    : typeof v === "object" && v !== null && !Array.isArray(v) ? Object.fromEntries(Object.entries(v).sort(([a], [b]) => (a < b ? -1 : 1)))
    : v);
export const equal = (actual: unknown, expected: unknown, what: string): void => {
  const [a, b] = [plain(actual), plain(expected)];
  if (a !== b) throw new Error(`${what}\n  is       ${a.slice(0, 600)}\n  expected ${b.slice(0, 600)}`);
};
const seqs = (doc: StoredDoc | null): readonly string[] => (doc?.envelopes ?? []).map((e) => `${e.session === sessionId(1) ? 1 : e.session === sessionId(2) ? 2 : "?"}.${e.seq}`).sort();

const opened = async (place: Place): Promise<DeviceStore> => {
  const store = place.store();
  await store.open();
  return store;
};
/** Runs with an opened store, closes it and opens another life. */
const next = async (place: Place, store: DeviceStore): Promise<DeviceStore> => {
  await store.close();
  return opened(place);
};

export const cases: readonly Case[] = [
  {
    name: "knows a first life from a later one",
    run: async (place) => {
      const first = place.store();
      equal(await first.open(), { fresh: true }, "first opening");
      await first.close();
      const second = place.store();
      equal(await second.open(), { fresh: false }, "second opening");
      equal(await second.list(), [], "list of an empty store");
      equal(await second.load(docId(1)), null, "an unknown document");
      await second.close();
    },
  },
  {
    name: "keeps secrets, and replaces them",
    run: async (place) => {
      let store = await opened(place);
      await store.putSecret(secretOf(1));
      await store.putSecret(secretOf(2, { genesis: null, rights: "read", relayHint: "relay.example", type: "liste \u{1F4DD}" }));
      store = await next(place, store);
      await store.putSecret(secretOf(2, { rights: "read" }));
      await store.putSecret(secretOf(2, { rights: "read" }));
      store = await next(place, store);
      const listed = [...(await store.list())].sort((a, b) => (a.secret.doc < b.secret.doc ? -1 : 1));
      const expected = [secretOf(1), secretOf(2, { rights: "read" })].sort((a, b) => (a.doc < b.doc ? -1 : 1));
      equal(listed.map((l) => l.secret), expected, "listed secrets");
      equal((await store.load(docId(2)))?.secret, secretOf(2, { rights: "read" }), "loaded secret");
      await store.close();
    },
  },
  {
    name: "gives back what was appended, in order, in every later life",
    run: async (place) => {
      let store = await opened(place);
      await store.putSecret(secretOf(1));
      await store.append(docId(1), sessionId(1), [envelope(1, 0), envelope(1, 1, 70_000)], [certOf(1)]);
      await store.append(docId(1), sessionId(1), [envelope(1, 2, 1)], []);
      // Not awaited one by one: appends of one writer keep their order.
      await Promise.all([3, 4, 5].map((seq) => store.append(docId(1), sessionId(1), [envelope(1, seq)], [])));
      for (let life = 0; life < 2; life++) {
        const doc = await store.load(docId(1));
        equal(doc?.envelopes, [envelope(1, 0), envelope(1, 1, 70_000), envelope(1, 2, 1), envelope(1, 3), envelope(1, 4), envelope(1, 5)], `envelopes, life ${life}`);
        equal(doc?.certs, [certOf(1)], "certificates");
        equal(doc?.snapshot, null, "snapshot");
        store = await next(place, store);
      }
      await store.append(docId(1), sessionId(2), [envelope(2, 0)], [certOf(2)]);
      await store.append(docId(1), sessionId(1), [envelope(1, 6)], []);
      store = await next(place, store);
      equal(seqs(await store.load(docId(1))), ["1.0", "1.1", "1.2", "1.3", "1.4", "1.5", "1.6", "2.0"], "envelopes of two writers");
      await store.close();
    },
  },
  {
    name: "refuses envelopes of a document whose secret is not there",
    run: async (place) => {
      let store = await opened(place);
      const code = async (): Promise<unknown> => store.append(docId(1), sessionId(1), [envelope(1, 0)], [certOf(1)]).then(() => "kept", (e: unknown) => (e as { code?: string }).code);
      equal(await code(), "storage-lost", "before the secret");
      await store.putSecret(secretOf(1));
      equal(await code(), "kept", "after it");
      store = await next(place, store);
      equal(await code(), "kept", "in a later life");
      equal(seqs(await store.load(docId(1))), ["1.0", "1.0"], "envelopes");
      await store.close();
    },
  },
  {
    name: "keeps no head, mark or snapshot of a document whose secret is not there",
    run: async (place) => {
      const store = await opened(place);
      const code = async (run: Promise<void>): Promise<unknown> => run.then(() => "kept", (e: unknown) => (e as { code?: string }).code);
      equal(await code(store.putHead({ id: docId(1), type: "note", rights: "owner", changed: 1, head: {} })), "storage-lost", "head");
      equal(await code(store.putMark(docId(1), { relay: "https://one.example", store: "a", cursor: 1, last: 5, tail: 3, snapshot: 7, known: [] })), "storage-lost", "mark");
      equal(await code(store.checkpoint(docId(1), sessionId(1), snapshotOf(1, []))), "storage-lost", "snapshot");
      await store.putSecret(secretOf(1));
      equal((await store.list()).map((l) => l.head), [null], "head");
      const doc = await store.load(docId(1));
      equal([doc?.marks, doc?.snapshot], [[], null], "marks and snapshot");
      await store.close();
    },
  },
  {
    name: "one append is one record, however many envelopes it carries",
    run: async (place) => {
      const store = await opened(place);
      await store.putSecret(secretOf(1));
      await store.append(docId(1), sessionId(1), Array.from({ length: 500 }, (_, seq) => envelope(1, seq)), [certOf(1)]);
      equal((await place.count(docId(1))).records, 1, "records");
      equal((await store.load(docId(1)))?.envelopes.length, 500, "envelopes");
      await store.close();
    },
  },
  {
    name: "a snapshot hides what it covers and keeps the rest",
    run: async (place) => {
      let store = await opened(place);
      await store.putSecret(secretOf(1));
      await store.append(docId(1), sessionId(1), [envelope(1, 0), envelope(1, 1)], [certOf(1)]);
      await store.append(docId(1), sessionId(1), [envelope(1, 2)], []);
      await store.append(docId(1), sessionId(2), [envelope(2, 0)], [certOf(2)]);
      const snapshot = snapshotOf(1, [headOf(1, 1)]);
      await store.checkpoint(docId(1), sessionId(1), snapshot);
      for (let life = 0; life < 2; life++) {
        const doc = await store.load(docId(1));
        equal(doc?.snapshot, snapshot, "snapshot");
        equal(seqs(doc), ["1.2", "2.0"], "envelopes after it");
        equal([...(doc?.certs ?? [])].sort((a, b) => (a.session < b.session ? -1 : 1)), [certOf(1), certOf(2)].sort((a, b) => (a.session < b.session ? -1 : 1)), "certificates");
        store = await next(place, store);
      }
      await store.close();
    },
  },
  {
    name: "drops records one checkpoint later, and keeps two generations",
    run: async (place) => {
      let store = await opened(place);
      const flush = (seq: number): Promise<void> => store.append(docId(1), sessionId(1), [envelope(1, seq)], seq === 0 ? [certOf(1)] : []);
      await store.putSecret(secretOf(1));
      await flush(0);
      await flush(1);
      await store.checkpoint(docId(1), sessionId(1), snapshotOf(1, [headOf(1, 1)]));
      equal(await place.count(docId(1)), { records: 2, snapshots: 1 }, "after the first checkpoint nothing is dropped");
      await flush(2);
      await store.checkpoint(docId(1), sessionId(1), snapshotOf(2, [headOf(1, 2)]));
      equal(await place.count(docId(1)), { records: 1, snapshots: 2 }, "after the second, what the first covers is dropped");
      await flush(3);
      await store.checkpoint(docId(1), sessionId(1), snapshotOf(3, [headOf(1, 2)]));
      equal(await place.count(docId(1)), { records: 1, snapshots: 2 }, "after the third, two generations are left");
      store = await next(place, store);
      const doc = await store.load(docId(1));
      equal(doc?.snapshot?.generation, 3, "generation");
      equal(seqs(doc), ["1.3"], "what no snapshot covers is never dropped");
      await store.checkpoint(docId(1), sessionId(2), snapshotOf(4, [headOf(1, 3)]));
      await store.checkpoint(docId(1), sessionId(2), snapshotOf(5, [headOf(1, 3)]));
      equal(await place.count(docId(1)), { records: 0, snapshots: 2 }, "an ended writer's records are dropped by another one");
      equal((await store.load(docId(1)))?.snapshot, snapshotOf(5, [headOf(1, 3)]), "newest snapshot");
      await store.close();
    },
  },
  {
    name: "keeps a record whose certificate no snapshot names",
    run: async (place) => {
      const store = await opened(place);
      await store.putSecret(secretOf(1));
      await store.append(docId(1), sessionId(1), [envelope(1, 0)], [certOf(1), certOf(2)]);
      for (const g of [1, 2, 3]) await store.checkpoint(docId(1), sessionId(1), snapshotOf(g, [headOf(1, 0)]));
      equal((await place.count(docId(1))).records, 1, "records");
      equal((await store.load(docId(1)))?.certs.length, 2, "certificates");
      await store.close();
    },
  },
  {
    name: "keeps the newest head and mark",
    run: async (place) => {
      let store = await opened(place);
      await store.putSecret(secretOf(1));
      const head = (n: number) => ({ id: docId(1), type: "note", rights: "owner" as const, changed: n, head: { title: `${n}`.repeat(n) } });
      const mark = (relay: string, cursor: number) => ({ relay, store: "a", cursor, last: 5, tail: 3, snapshot: 7, known: [{ session: sessionId(1), seq: cursor % 1000 }] });
      for (const n of [3, 900, 2, 7]) await store.putHead(head(n));
      await store.putMark(docId(1), mark("https://one.example", 5));
      await store.putMark(docId(1), mark("https://two.example", 2 ** 40));
      await store.putMark(docId(1), { ...mark("https://one.example", 9), store: "b" });
      store = await next(place, store);
      equal((await store.list()).map((l) => l.head), [head(7)], "head");
      const marks = [...((await store.load(docId(1)))?.marks ?? [])].sort((a, b) => (a.relay < b.relay ? -1 : 1));
      equal(marks, [{ ...mark("https://one.example", 9), store: "b" }, mark("https://two.example", 2 ** 40)], "marks");
      await store.close();
    },
  },
  {
    name: "keeps proofs, whatever a checkpoint drops",
    run: async (place) => {
      let store = await opened(place);
      await store.putSecret(secretOf(1));
      const proof = (session: number, length: number) => ({ session: sessionId(session), bytes: bytesOf(length, session) });
      for (const p of [proof(1, 9), proof(2, 70_000), proof(1, 500)]) await store.putStatement(docId(1), p);
      await store.append(docId(1), sessionId(1), [envelope(1, 0)], [certOf(1)]);
      for (const generation of [1, 2, 3]) await store.checkpoint(docId(1), sessionId(1), snapshotOf(generation, [headOf(1, 0)]));
      store = await next(place, store);
      const proofs = [...((await store.load(docId(1)))?.statements ?? [])].sort((a, b) => a.bytes.length - b.bytes.length);
      equal(proofs, [proof(1, 500), proof(2, 70_000)], "proofs");
      const refused = await store.putStatement(docId(9), proof(1, 9)).then(() => "kept", (e: unknown) => (e as { code?: string }).code);
      equal(refused, "storage-lost", "of a document without a secret");
      await store.forget(docId(1));
      await store.putSecret(secretOf(1));
      equal((await store.load(docId(1)))?.statements, [], "after forgetting");
      await store.close();
    },
  },
  {
    name: "forgets one document whole, and may meet it again",
    run: async (place) => {
      let store = await opened(place);
      for (const n of [1, 2]) {
        await store.putSecret(secretOf(n));
        await store.append(docId(n), sessionId(1), [envelope(1, 0)], [certOf(1)]);
        await store.checkpoint(docId(n), sessionId(1), snapshotOf(1, []));
      }
      await store.forget(docId(1));
      await store.forget(docId(3));
      equal(await store.load(docId(1)), null, "forgotten");
      equal(await place.count(docId(1)), { records: 0, snapshots: 0 }, "nothing is left of it");
      equal(seqs(await store.load(docId(2))), ["1.0"], "the other one");
      await store.putSecret(secretOf(1));
      await store.append(docId(1), sessionId(1), [envelope(1, 5)], []);
      store = await next(place, store);
      equal(seqs(await store.load(docId(1))), ["1.5"], "met again");
      await store.close();
    },
  },
  {
    name: "two lives at once each write their own records; neither cuts the other's",
    run: async (place) => {
      const one = await opened(place);
      const two = await openedBeside(place);
      await one.putSecret(secretOf(1));
      await one.append(docId(1), sessionId(1), [envelope(1, 0)], [certOf(1)]);
      if (two === null) return one.close();
      await two.append(docId(1), sessionId(2), [envelope(2, 0)], [certOf(2)]);
      equal(seqs(await two.load(docId(1))), ["1.0", "2.0"], "each sees the other's live records");
      // `one` knows everything so far; `two` goes on in the journal that it holds open.
      await one.checkpoint(docId(1), sessionId(1), snapshotOf(1, [headOf(1, 0), headOf(2, 0)]));
      await one.checkpoint(docId(1), sessionId(1), snapshotOf(2, [headOf(1, 0), headOf(2, 0)]));
      await two.append(docId(1), sessionId(2), [envelope(2, 1)], []);
      await two.close();
      const later = await next(place, one);
      equal(seqs(await later.load(docId(1))), ["2.1"], "what came after the cut");
      await later.close();
    },
  },
];

// A directory belongs to one process, so there the second life is refused, with the code that says so.
const openedBeside = async (place: Place): Promise<DeviceStore | null> => {
  const store = place.store();
  try {
    await store.open();
    return store;
  } catch (e) {
    if (store.kind === "directory") {
      equal((e as { code?: string }).code, "blocked", "a second process on a directory");
      return null;
    }
    throw e;
  }
};
