// Two stores as one: what a failing, lagging or emptied store costs, and how it becomes whole again.

import assert from "node:assert/strict";
import { test } from "node:test";
import { openCopies } from "../../src/store/copies.ts";
import { FileStore } from "../../src/store/filestore.ts";
import type { Copies, StoredSecret, StoreProblem } from "../../src/store/store.ts";
import { localLocks } from "../../src/vault/local.ts";
import { StoreError } from "../../src/store/storeerror.ts";
import { certOf, docId, envelope, headOf, secretOf, sessionId, snapshotOf } from "../harness/contract.ts";
import { crashFiles, type CrashFiles } from "../harness/crashfiles.ts";

interface Pair {
  readonly a: CrashFiles;
  readonly b: CrashFiles;
  readonly problems: StoreProblem[];
  /** Moves the clock past the rest of a failed store. */
  wait(): void;
  open(): Promise<Copies>;
}

const pair = (): Pair => {
  const [a, b] = [crashFiles(), crashFiles()];
  const problems: StoreProblem[] = [];
  let now = 0;
  return {
    a, b, problems,
    wait: () => void (now += 10_000),
    open: () => openCopies("test", { stores: [new FileStore(a), new FileStore(b)], onProblem: (p) => problems.push(p), now: () => now }),
  };
};

const doc = docId(1);
const flush = (copies: Copies, seq: number) => copies.append(doc, sessionId(1), [envelope(1, seq)], seq === 0 ? [certOf(1)] : []);
const loaded = async (copies: Copies): Promise<readonly number[]> => ((await copies.load(doc))?.envelopes ?? []).map((e) => e.seq).sort((x, y) => x - y);
/** What one store alone has, in a life of its own. */
const alone = async (files: CrashFiles): Promise<readonly number[]> => loaded(await openCopies("test", { stores: [new FileStore(files)] }));
const brief = (problems: readonly StoreProblem[]): readonly string[] => problems.map((p) => `${p.code}${p.recovered ? " recovered" : ""}`);

test("a new home has two copies of everything", async () => {
  const p = pair();
  const copies = await p.open();
  assert.deepEqual([copies.fresh, copies.copies, copies.offered], [true, 2, ["directory", "directory"]]);
  await copies.putSecret(secretOf(1));
  assert.deepEqual(await flush(copies, 0), { copies: 2 });
  await copies.close();
  assert.deepEqual([await alone(p.a), await alone(p.b)], [[0], [0]]);
  assert.deepEqual(p.problems, []);
});

for (const lost of ["a", "b"] as const) {
  test(`store ${lost} emptied between two lives is filled again, and that is said once`, async () => {
    const p = pair();
    const before = await p.open();
    for (const n of [1, 2]) await before.putSecret(secretOf(n));
    for (const seq of [0, 1, 2]) await flush(before, seq);
    await before.checkpoint(doc, sessionId(1), snapshotOf(1, [headOf(1, 0)]));
    await before.putMark(doc, { relay: "r", store: "s", cursor: 9, last: 5, tail: 3, snapshot: 7, known: [] });
    await before.close();
    p[lost].wipe();

    const after = await p.open();
    assert.equal(after.fresh, false);
    assert.deepEqual(await loaded(after), [1, 2]);
    await after.settled();
    assert.equal(after.copies, 2);
    assert.deepEqual(brief(p.problems), ["storage-lost recovered"]);
    await after.close();
    const only = await openCopies("test", { stores: [new FileStore(p[lost])] });
    assert.equal((await only.list()).length, 2);
    const found = await only.load(doc);
    assert.deepEqual([found?.snapshot, found?.marks.length, found?.envelopes.map((e) => e.seq)], [snapshotOf(1, [headOf(1, 0)]), 1, [1, 2]]);
    await only.close();

    await (await p.open()).close();
    assert.equal(p.problems.length, 1, "the next life has nothing to say");
  });
}

test("both emptied is a new device", async () => {
  const p = pair();
  await (await p.open()).close();
  p.a.wipe();
  p.b.wipe();
  const copies = await p.open();
  assert.deepEqual([copies.fresh, p.problems], [true, []]);
});

test("a store that fails lowers the copies and says so once; later it gets what it missed", async () => {
  const p = pair();
  const copies = await p.open();
  await copies.putSecret(secretOf(1));
  await flush(copies, 0);
  p.b.failNext("write", "quota");
  assert.deepEqual(await flush(copies, 1), { copies: 1 });
  assert.equal(copies.copies, 1);
  assert.deepEqual(p.problems.map((x) => [x.code, x.doc, x.recovered, x.hint.length > 0]), [["quota", doc, false, true]]);
  // It works again at once, but what it missed is not there yet: still one copy.
  assert.deepEqual(await flush(copies, 2), { copies: 1 });
  p.wait();
  await flush(copies, 3);
  await copies.settled();
  assert.equal(copies.copies, 2);
  await copies.close();
  assert.deepEqual([await alone(p.a), await alone(p.b)], [[0, 1, 2, 3], [0, 1, 2, 3]]);
  assert.equal(p.problems.length, 1);
});

test("whoever asked to hear of the copies hears of each change, also of a store that heals in silence", async () => {
  const p = pair();
  const told: number[] = [];
  let now = 0;
  const copies = await openCopies("test", { stores: [new FileStore(p.a), new FileStore(p.b)], onCopies: (n) => told.push(n), now: () => now });
  await copies.putSecret(secretOf(1));
  assert.deepEqual(told, []);
  p.b.failNext("write", "quota");
  await flush(copies, 0);
  await flush(copies, 1);
  assert.deepEqual(told, [1]);
  now += 10_000;
  await flush(copies, 2);
  await copies.settled();
  assert.deepEqual(told, [1, 2]);
  await copies.close();
  assert.deepEqual(told, [1, 2], "closing is no loss");
});

test("what one tab forgets while another repairs it is gone from both stores", async () => {
  const p = pair();
  const locks = localLocks();
  const open = (b: FileStore): Promise<Copies> => openCopies("test", { stores: [new FileStore(p.a), b], locks });
  const here = await open(new FileStore(p.b));
  await here.putSecret(secretOf(1));
  await flush(here, 0);
  await here.release(doc, sessionId(1));
  p.b.wipe();
  let begun = (): void => undefined;
  let goOn = (): void => undefined;
  const repairing = new Promise<void>((resolve) => { begun = resolve; });
  const held = new Promise<void>((resolve) => { goOn = resolve; });
  class Slow extends FileStore {
    override async putSecret(secret: StoredSecret) {
      begun();
      await held;
      return super.putSecret(secret);
    }
  }
  const there = await open(new Slow(p.b));
  await repairing;
  const forgotten = here.forget(doc);
  await here.list(); // a forgetting that does not wait is through by now
  goOn();
  await Promise.all([forgotten, there.settled()]);
  assert.deepEqual([...p.a.names, ...p.b.names].filter((name) => name.startsWith(doc)), []);
  await Promise.all([here.close(), there.close()]);
});

test("what a list finds missing while a repair is past it is repaired all the same", async () => {
  const p = pair();
  const before = await p.open();
  for (const n of [1, 2]) await before.putSecret(secretOf(n));
  await before.close();
  p.b.wipe();
  let answer = (): void => undefined;
  let held: Promise<void> | null = null;
  let late: Promise<unknown> | null = null;
  class Slow extends FileStore {
    override async list() {
      const hold = held;
      const found = await super.list();
      await hold;
      return found;
    }
    override async putSecret(secret: Parameters<FileStore["putSecret"]>[0]) {
      await super.putSecret(secret);
      if (secret.doc !== docId(2)) return;
      // The first document is filled again. Now comes the answer of a list that read the store when it was empty.
      answer();
      await late;
    }
  }
  const copies = await openCopies("test", { stores: [new FileStore(p.a), new Slow(p.b)], now: () => 0 });
  held = new Promise((resolve) => (answer = resolve));
  late = copies.list();
  held = null;
  await late;
  await copies.settled();
  assert.equal(copies.copies, 2);
});

// Two hubs find out that a session forked: one has the proof, the other had looked before it was kept.
test("that a session forked, and no more, takes the place of no proof, also in another tab", async () => {
  const p = pair();
  const locks = localLocks();
  const tabs = await Promise.all([0, 1].map(() => openCopies("test", { stores: [new FileStore(p.a), new FileStore(p.b)], locks })));
  await tabs[0]!.putSecret(secretOf(1));
  const proof = { session: sessionId(1), bytes: Uint8Array.of(1, 2, 3) };
  const empty = { session: sessionId(1), bytes: new Uint8Array() };
  await tabs[0]!.putStatement(doc, empty);
  assert.deepEqual((await tabs[1]!.load(doc))?.statements, [empty]);
  await Promise.all([tabs[0]!.putStatement(doc, proof), tabs[0]!.putStatement(doc, empty), tabs[1]!.putStatement(doc, empty)]);
  assert.deepEqual((await tabs[1]!.load(doc))?.statements, [proof]);
  await Promise.all(tabs.map((t) => t.close()));
});

test("that a session forked, and no more, is not written over a proof in a store that was not read", async () => {
  const p = pair();
  let isRead = true;
  class Unread extends FileStore {
    override async load(id: string) {
      if (!isRead) throw new StoreError("storage-lost", "cannot be read");
      return super.load(id);
    }
  }
  const copies = await openCopies("test", { stores: [new FileStore(p.a), new Unread(p.b)] });
  await copies.putSecret(secretOf(1));
  const proof = { session: sessionId(1), bytes: Uint8Array.of(1, 2, 3) };
  p.a.failNext("write", "quota");
  await copies.putStatement(doc, proof);
  isRead = false;
  await copies.putStatement(doc, { session: sessionId(1), bytes: new Uint8Array() });
  isRead = true;
  assert.deepEqual((await copies.load(doc))?.statements, [proof]);
  await copies.close();
});

test("a store that lags gets no relay mark", async () => {
  const p = pair();
  const copies = await p.open();
  await copies.putSecret(secretOf(1));
  p.b.failNext("write", "storage-lost");
  await flush(copies, 0);
  await copies.putMark(doc, { relay: "r", store: "s", cursor: 7, last: 5, tail: 3, snapshot: 7, known: [] });
  await copies.close();
  const marks = async (files: CrashFiles) => (await new FileStore(files).load(doc))?.marks.map((m) => m.cursor);
  assert.deepEqual([await marks(p.a), await marks(p.b)], [[7], []]);
});

test("of two marks of one relay's store the one that reached further counts, and both for what it has", async () => {
  const p = pair();
  const known = (n: number, seq: number) => ({ session: sessionId(n), seq });
  const further = { relay: "r", store: "s", cursor: 9, last: 5, tail: 3, snapshot: 7, known: [known(1, 2)] };
  const nearer = { relay: "r", store: "s", cursor: 4, last: 500, tail: 300, snapshot: 700, known: [known(1, 3), known(2, 0)] };
  for (const [files, mark] of [[p.a, further], [p.b, nearer]] as const) {
    const store = new FileStore(files);
    await store.open();
    await store.putSecret(secretOf(1));
    await store.putMark(doc, mark);
    await store.close();
  }
  const copies = await p.open();
  assert.deepEqual((await copies.load(doc))?.marks, [{ ...further, known: [known(1, 3), known(2, 0)] }]);
  await copies.close();
});

test("when no store takes it, the call rejects with the first store's reason", async () => {
  const p = pair();
  const copies = await p.open();
  await copies.putSecret(secretOf(1));
  p.a.failNext("write", "quota");
  p.b.failNext("write", "storage-lost");
  await assert.rejects(flush(copies, 0), (e: StoreError) => e.code === "quota");
  assert.equal(copies.copies, 0);
  assert.deepEqual(await loaded(copies), []);
  p.wait();
  await flush(copies, 0);
  await copies.settled();
  assert.deepEqual([copies.copies, await loaded(copies)], [2, [0]]);
});

test("a store that does not open is one copy less, and joins later", async () => {
  const p = pair();
  await (await p.open()).close();
  p.b.failNext("read", "blocked", 2); // when it is opened, and when it is tried again at once
  const copies = await p.open();
  assert.equal(copies.copies, 1);
  assert.deepEqual(brief(p.problems), ["blocked"]);
  await copies.putSecret(secretOf(1));
  assert.deepEqual(await flush(copies, 0), { copies: 1 });
  p.wait();
  await flush(copies, 1);
  await copies.settled();
  assert.equal(copies.copies, 2);
  await copies.close();
  assert.deepEqual(await alone(p.b), [0, 1]);
});

test("what only one store has after a kill in the middle of a write is in both after the next opening", async () => {
  const p = pair();
  const copies = await p.open();
  await copies.putSecret(secretOf(1));
  await flush(copies, 0);
  p.a.failNext("write", "storage-lost");
  await flush(copies, 1);
  p.b.failNext("write", "storage-lost");
  await flush(copies, 2);
  await copies.close();
  const next = await p.open();
  assert.deepEqual(await loaded(next), [0, 1, 2]);
  await next.settled();
  await next.close();
  assert.deepEqual([await alone(p.a), await alone(p.b)], [[0, 1, 2], [0, 1, 2]]);
});

test("a store stays behind while the one that has the missing part cannot be read", async () => {
  const p = pair();
  const copies = await p.open();
  await copies.putSecret(secretOf(1));
  p.a.failNext("write", "quota");
  await flush(copies, 0);
  p.wait();
  p.b.failNext("read", "storage-lost", 1000);
  await flush(copies, 1);
  await copies.settled();
  assert.equal(copies.copiesOf(doc), 0, "neither is known to be whole");
  p.b.failNext("read", "storage-lost", 1);
  await copies.list();
  await copies.settled();
  p.wait();
  await flush(copies, 2);
  await copies.settled();
  assert.deepEqual([copies.copies, await alone(p.a)], [2, [0, 1, 2]]);
});

test("a repair that another failure runs into has not made the store whole", async () => {
  const p = pair();
  let interrupt = async (): Promise<void> => undefined;
  class Interrupted extends FileStore {
    override async load(id: string) {
      const found = await super.load(id);
      await interrupt();
      return found;
    }
  }
  let now = 0;
  const copies = await openCopies("test", { stores: [new FileStore(p.a), new Interrupted(p.b)], now: () => now });
  await copies.putSecret(secretOf(1));
  p.b.failNext("write", "quota");
  await flush(copies, 0);
  interrupt = async () => {
    interrupt = async () => undefined;
    p.b.failNext("write", "quota");
    await flush(copies, 1);
  };
  now += 10_000;
  await flush(copies, 2);
  await copies.settled();
  assert.deepEqual([copies.copies, await alone(p.b)], [2, [0, 1, 2]]);
});

test("a load in the middle of a write sees no damage, and repairs nothing", async () => {
  const p = pair();
  let hold: Promise<void> | null = null;
  class Slow extends FileStore {
    override async append(...args: Parameters<FileStore["append"]>) {
      await hold;
      return super.append(...args);
    }
  }
  const copies = await openCopies("test", { stores: [new FileStore(p.a), new Slow(p.b)] });
  await copies.putSecret(secretOf(1));
  for (let seq = 0; seq < 20; seq++) {
    let free = (): void => undefined;
    hold = new Promise((resolve) => (free = resolve));
    const writing = flush(copies, seq);
    // The first store has it now, the second not yet.
    while ((p.a.bytes(`${doc}/journal.${sessionId(1)}.0`)?.length ?? 0) === (p.b.bytes(`${doc}/journal.${sessionId(1)}.0`)?.length ?? 0)) await null;
    const loading = copies.load(doc);
    for (let turns = seq; turns > 0; turns--) await null;
    free();
    await loading;
    assert.deepEqual(await writing, { copies: 2 });
  }
  await copies.settled();
  assert.equal(copies.copies, 2);
  assert.deepEqual(p.b.names.filter((n) => n.includes("journal.")), [`${doc}/journal.${sessionId(1)}.0`], "no repair wrote anything");
});

test("a read that fails in one store is answered by the other", async () => {
  const p = pair();
  const copies = await p.open();
  await copies.putSecret(secretOf(1));
  await flush(copies, 0);
  p.a.failNext("read", "storage-lost");
  assert.deepEqual(await loaded(copies), [0]);
  assert.deepEqual(brief(p.problems), ["storage-lost"]);
});

test("forget takes it from both, or says that it did not", async () => {
  const p = pair();
  const copies = await p.open();
  await copies.putSecret(secretOf(1));
  await flush(copies, 0);
  p.b.failNext("remove", "blocked");
  await assert.rejects(copies.forget(doc), (e: StoreError) => e.code === "blocked");
  await copies.settled();
  assert.deepEqual([copies.copies, await alone(p.a), await alone(p.b)], [2, [0], [0]], "what is not forgotten is whole again");
  await copies.forget(doc);
  assert.equal(await copies.load(doc), null);
  await copies.close();
  const next = await p.open();
  assert.deepEqual(await next.list(), []);
});

test("the store that may refuse to forget is asked first, and a refusal leaves the other as it was", async () => {
  const p = pair();
  const copies = await p.open();
  await copies.putSecret(secretOf(1));
  await flush(copies, 0);
  const before = p.b.names;
  p.a.failNext("remove", "blocked");
  await assert.rejects(copies.forget(doc), (e: StoreError) => e.code === "blocked");
  assert.deepEqual(p.b.names, before);
  await copies.settled();
  assert.deepEqual([copies.copies, p.problems], [2, []], "the caller has the refusal; nobody else needs to hear of it");
});

test("no repair brings back what is being forgotten", async () => {
  const p = pair();
  let begun = (): void => undefined;
  let end = (): void => undefined;
  const beginning = new Promise<void>((resolve) => (begun = resolve));
  const ending = new Promise<void>((resolve) => (end = resolve));
  class Slow extends FileStore {
    override async forget(id: string) {
      begun();
      await ending;
      await super.forget(id);
    }
  }
  const copies = await openCopies("test", { stores: [new FileStore(p.a), new Slow(p.b)] });
  await copies.putSecret(secretOf(1));
  await flush(copies, 0);
  const forgetting = copies.forget(doc);
  await beginning;
  // One store has dropped it, the other has it still: for a list or a load that is a store which lost something.
  await copies.list();
  await copies.load(doc);
  await copies.settled();
  end();
  await forgetting;
  await copies.settled();
  assert.deepEqual([p.a.names, p.b.names], [["/marker"], ["/marker"]]);
});

test("a store found emptied by a best-effort write is filled again", async () => {
  const p = pair();
  let isEmptied = false;
  class Emptied extends FileStore {
    override async putHead(head: Parameters<FileStore["putHead"]>[0]) {
      if (isEmptied) throw new StoreError("evicted", "emptied by the browser");
      await super.putHead(head);
    }
  }
  let now = 0;
  const copies = await openCopies("test", { stores: [new FileStore(p.a), new Emptied(p.b)], onProblem: (x) => p.problems.push(x), now: () => now });
  await copies.putSecret(secretOf(1));
  await flush(copies, 0);
  p.b.wipe();
  isEmptied = true;
  now += 10_000;
  await copies.putHead({ id: doc, type: "note", rights: "owner", changed: 1, head: {} });
  await copies.settled();
  assert.deepEqual([brief(p.problems), copies.copies], [["evicted", "storage-lost recovered"], 2]);
  assert.deepEqual(await alone(p.b), [0]);
});

test("a store emptied while it is open is no copy, and becomes one again", async () => {
  const p = pair();
  const copies = await p.open();
  await copies.putSecret(secretOf(1));
  await flush(copies, 0);
  p.b.wipe();
  assert.deepEqual(await flush(copies, 1), { copies: 1 });
  assert.deepEqual(brief(p.problems), ["evicted"]);
  p.wait();
  await flush(copies, 2);
  await copies.settled();
  assert.deepEqual([copies.copies, await alone(p.b)], [2, [0, 1, 2]]);
  assert.deepEqual(brief(p.problems), ["evicted", "storage-lost recovered"]);
});

test("the only store, emptied while it is open, is never said to be whole again", async () => {
  const files = crashFiles();
  const problems: StoreProblem[] = [];
  let now = 0;
  const copies = await openCopies("test", { stores: [new FileStore(files)], onProblem: (p) => problems.push(p), now: () => now });
  await copies.putSecret(secretOf(1));
  await flush(copies, 0);
  files.wipe();
  await assert.rejects(flush(copies, 1), (e: StoreError) => e.code === "evicted");
  now += 10_000;
  await assert.rejects(flush(copies, 1), (e: StoreError) => e.code === "storage-lost");
  await copies.settled();
  assert.deepEqual([copies.copies, brief(problems)], [0, ["evicted"]]);
});

test("snapshots of lives that saw one store each are kept beside each other, until one covers both", async () => {
  const p = pair();
  const only = (files: CrashFiles) => openCopies("test", { stores: [new FileStore(files)] });
  // Life 1 sees only the first store, writes and makes three checkpoints.
  const one = await only(p.a);
  await one.putSecret(secretOf(1));
  for (const seq of [0, 1, 2]) {
    await one.append(doc, sessionId(1), [envelope(1, seq)], seq === 0 ? [certOf(1)] : []);
    await one.checkpoint(doc, sessionId(1), snapshotOf(seq + 1, [headOf(1, seq)]));
  }
  await one.close();
  // Life 2 sees only the second one, and makes two: a lower number, and something that the others lack.
  const two = await only(p.b);
  await two.putSecret(secretOf(1));
  await two.append(doc, sessionId(2), [envelope(2, 0)], [certOf(2)]);
  for (const generation of [1, 2]) await two.checkpoint(doc, sessionId(2), snapshotOf(generation, [headOf(2, 0)]));
  await two.close();

  const covered = (found: Awaited<ReturnType<Copies["load"]>>): unknown =>
    [found?.snapshot, ...(found?.besides ?? [])].map((x) => x?.covers.map((c) => `${c.session === sessionId(1) ? 1 : 2}.${c.seq}`).join(" ")).sort();
  const both = await p.open();
  assert.deepEqual(covered(await both.load(doc)), ["1.2", "2.0"]);
  await both.settled();
  assert.equal(both.copies, 2);
  await both.close();
  for (const files of [p.a, p.b]) {
    const store = await only(files);
    assert.deepEqual(covered(await store.load(doc)), ["1.2", "2.0"], "each store has both");
    await store.close();
  }

  const next = await p.open();
  const newest = Math.max(...[(await next.load(doc))!].flatMap((d) => [d.snapshot!, ...d.besides]).map((x) => x.generation));
  const all = [headOf(1, 2), headOf(2, 0)];
  await next.checkpoint(doc, sessionId(3), snapshotOf(newest + 1, all));
  assert.deepEqual(covered(await next.load(doc)), ["1.2 2.0"]);
  const generations = (files: CrashFiles): number => files.names.filter((n) => n.includes("snap.")).length;
  assert.deepEqual([generations(p.a), generations(p.b)], [3, 3], "what was the document before the newest one stays");
  await next.checkpoint(doc, sessionId(3), snapshotOf(newest + 2, all));
  assert.deepEqual([generations(p.a), generations(p.b)], [2, 2]);
  await next.close();
});

test("a snapshot of the same number that covers something else is not written over", async () => {
  const p = pair();
  for (const [files, session] of [[p.a, 1], [p.b, 2]] as const) {
    const life = await openCopies("test", { stores: [new FileStore(files)] });
    await life.putSecret(secretOf(1));
    await life.checkpoint(doc, sessionId(session), snapshotOf(1, [headOf(session, 0)]));
    await life.close();
  }
  const both = await p.open();
  await both.load(doc);
  await both.settled();
  await both.close();
  const sessions = async (files: CrashFiles): Promise<number> => {
    const found = await new FileStore(files).load(doc);
    return new Set([found?.snapshot, ...(found?.besides ?? [])].flatMap((x) => x?.covers.map((c) => c.session) ?? [])).size;
  };
  assert.deepEqual([await sessions(p.a), await sessions(p.b)], [2, 2]);
});

const lesser = secretOf(1, { rights: "read", genesis: null });
const greater = secretOf(1, { rights: "owner", secret: new Uint8Array(32).fill(9), genesis: null });

test("a key that may do more reaches the store whose write failed", async () => {
  const p = pair();
  const copies = await p.open();
  await copies.putSecret(lesser);
  p.a.failNext("write", "quota", 1);
  assert.equal((await copies.putSecret(greater)).copies, 1);
  p.wait();
  await copies.putHead({ id: doc, type: "note", head: {}, changed: 1, rights: "owner" }); // any write lets it be tried again
  await copies.settled();
  assert.equal(copies.copies, 2);
  await copies.close();
  for (const files of [p.a, p.b]) {
    const one = await openCopies("test", { stores: [new FileStore(files)] });
    assert.deepEqual((await one.load(doc))?.secret, greater);
    assert.deepEqual((await one.list()).map((l) => l.secret), [greater]);
    await one.close();
  }
});

test("where it cannot be read which key is here, no other takes its place", async () => {
  const files = crashFiles();
  const open = (): Promise<Copies> => openCopies("test", { stores: [new FileStore(files)] });
  const copies = await open();
  await copies.putSecret(greater);
  files.failNext("read", "blocked");
  await assert.rejects(copies.putSecret(lesser, () => lesser), (e: StoreError) => e.code === "blocked");
  assert.deepEqual((await copies.load(doc))?.secret, greater);
  assert.deepEqual((await copies.putSecret(lesser)).secret, greater, "it is tried again");
  await copies.close();
  assert.deepEqual((await (await open()).load(doc))?.secret, greater);
});

for (const [what, has] of [["has none", null], ["has a lesser one", lesser]] as const) {
  test(`a key is not written over in a store that was not read, where the other one ${what}`, async () => {
    const p = pair();
    for (const [files, key] of [[p.a, has], [p.b, greater]] as const) {
      const life = await openCopies("test", { stores: [new FileStore(files)] });
      if (key !== null) await life.putSecret(key);
      await life.close();
    }
    let now = 0;
    let isRead = false;
    class Unread extends FileStore {
      override async load(id: string) {
        if (!isRead) throw new StoreError("storage-lost", "cannot be read");
        return super.load(id);
      }
    }
    const copies = await openCopies("test", { stores: [new FileStore(p.a), new Unread(p.b)], now: () => now });
    if (has === null) await assert.rejects(copies.load(doc), (e: StoreError) => e.code === "storage-lost", "it may be there");
    await copies.putSecret(lesser);
    await copies.settled();
    isRead = true;
    now += 10_000;
    await copies.putHead({ id: doc, type: "note", head: {}, changed: 1, rights: "owner" }); // any write lets it be tried again
    await copies.settled();
    assert.deepEqual((await copies.load(doc))?.secret, greater);
    await copies.settled();
    assert.equal(copies.copies, 2);
    await copies.close();
    for (const files of [p.a, p.b]) assert.deepEqual((await (await openCopies("test", { stores: [new FileStore(files)] })).load(doc))?.secret, greater);
  });
}

test("of keys that are kept at once the one that may do more stays, with the genesis, whichever is first", async () => {
  const met = secretOf(1, { rights: "read" });
  assert.notEqual(met.genesis, null);
  for (const order of [[met, greater], [greater, met]] as const) {
    const p = pair();
    const copies = await p.open();
    await copies.putSecret(lesser);
    await Promise.all(order.map((s) => copies.putSecret(s)));
    await copies.close();
    for (const files of [p.a, p.b]) assert.deepEqual((await (await openCopies("test", { stores: [new FileStore(files)] })).load(doc))?.secret, { ...greater, genesis: met.genesis });
    assert.deepEqual(p.problems, []);
  }
});

test("what was written behind the back of a forgetting goes at the next start, and nothing that may have a key", async () => {
  const p = pair();
  const before = await p.open();
  for (const n of [1, 2, 3, 4]) await before.putSecret(secretOf(n));
  for (const n of [1, 2, 3, 4]) await before.append(docId(n), sessionId(1), [envelope(1, 0)], [certOf(1)]);
  await before.checkpoint(docId(1), sessionId(1), snapshotOf(1, [headOf(1, 0)]));
  const late = p.a.bytes(`${docId(1)}/snap.1`)!;
  await before.forget(docId(1));
  await before.forget(docId(2));
  await before.close();
  p.a.put(`${docId(1)}/snap.1`, late); // nobody knows it
  p.b.put(`${docId(2)}/secret`, new Uint8Array(7)); // the first write of its key was torn
  await p.b.remove(docId(3), "secret"); // the other store has its key
  p.a.put("photos/snap.1", late); // not ours
  const copies = await p.open();
  await copies.settled();
  await copies.close();
  const names = (n: number): readonly string[] => [...p.a.names, ...p.b.names].filter((name) => name.startsWith(`/${docId(n)}/`) || name.startsWith(`${docId(n)}/`));
  assert.deepEqual(names(1), []);
  assert.equal(names(2).length, 1);
  assert.ok(p.a.names.some((name) => name.includes("photos")));
  for (const files of [p.a, p.b]) {
    const one = await openCopies("test", { stores: [new FileStore(files)] });
    for (const n of [3, 4]) assert.deepEqual((await one.load(docId(n)))?.envelopes.map((e) => e.seq), [0]);
    await one.close();
  }
});

test("nothing goes while a store that may have its key is not open", async () => {
  const p = pair();
  const before = await p.open();
  await before.putSecret(secretOf(1));
  await flush(before, 0);
  await before.close();
  await p.a.remove(doc, "secret");
  p.b.failNext("read", "blocked", 2);
  const copies = await p.open();
  await copies.close();
  assert.ok(p.a.names.some((name) => name.includes(`${doc}/`)), p.a.names.join());
  const whole = await p.open();
  assert.deepEqual(await loaded(whole), [0]);
  await whole.close();
});
