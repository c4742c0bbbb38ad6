// Documents that no page has open, against the real relay: they reach a relay that lacks them, and are let go of then.

import assert from "node:assert/strict";
import { cp, rm } from "node:fs/promises";
import { test, type TestContext } from "node:test";
import { startRelay, type RelayProcess } from "../e2e/relayprocess.ts";
import { openSocket } from "../harness/websocket.ts";
import { toBase32 } from "../../src/ids.ts";
import { Background, type BackgroundEnds } from "../../src/vault/background.ts";
import type { Channel, VaultEnv } from "../../src/vault/env.ts";
import { nodeEnv } from "../../src/vault/nodeenv.ts";
import { StoreError } from "../../src/store/storeerror.ts";
import type { WireEvents } from "../../src/wire/socket.ts";
import type { Changed } from "../../src/wire/wire.ts";
import { settle } from "./page-toyvault.ts";
import { directoryOf, type Page, start, tabsOf } from "./vault-harness.ts";

const relayOf = async (t: TestContext): Promise<RelayProcess> => {
  const relay = await startRelay();
  t.after(() => relay.end());
  return relay;
};

/** Makes notes and closes them, each on the relay unless there is none; gives their ids and links. */
const closedNotes = async (page: Page, count: number, hasRelay: boolean): Promise<Array<{ readonly doc: string; readonly link: string }>> => {
  const notes = [];
  for (let i = 0; i < count; i++) {
    const note = await page.edit({ op: "create", type: "note" });
    await note.type(0, `note ${i}`);
    if (hasRelay) await page.until("it is on the relay", () => note.status.relay === 6);
    const { link } = await page.request({ op: "link", doc: note.doc, rights: "read" });
    await page.request({ op: "close", doc: note.doc });
    notes.push({ doc: note.doc, link });
  }
  return notes;
};

const arriveAt = async (t: TestContext, relay: RelayProcess, notes: ReadonlyArray<{ readonly link: string }>): Promise<void> => {
  const page = await start(t, await directoryOf(), [relay.url]);
  for (const [i, { link }] of notes.entries()) {
    const note = await page.edit({ op: "join", link, type: "note" });
    await page.until(`note ${i} arrives`, () => note.value === `note ${i}`);
  }
};

test("closed documents go to a relay that lost its disk, once one document meets it", { timeout: 180_000 }, async (t) => {
  const relay = await relayOf(t);
  const page = await start(t, await directoryOf(), [relay.url]);
  const notes = await closedNotes(page, 4, true);
  await relay.wipe();
  await relay.start();
  await page.edit({ op: "open", doc: notes[0]!.doc, type: "note" });
  await arriveAt(t, relay, notes);
});

test("a start with nothing open asks the relay, and fills it when it is another one", { timeout: 180_000 }, async (t) => {
  const relay = await relayOf(t);
  const path = await directoryOf();
  const before = await start(t, path, [relay.url]);
  const notes = await closedNotes(before, 3, true);
  await before.stop();
  await relay.wipe();
  await relay.start();
  await start(t, path, [relay.url]);
  await arriveAt(t, relay, notes);
});

test("a start with nothing open and nothing to send asks once, and hangs up", { timeout: 60_000 }, async (t) => {
  const relay = await relayOf(t);
  const path = await directoryOf();
  const before = await start(t, path, [relay.url]);
  const [note] = await closedNotes(before, 1, true);
  await before.stop();
  const env = nodeEnv(path);
  let calls = 0;
  let hungUp = (): void => undefined;
  const done = new Promise<void>((resolve) => { hungUp = resolve; });
  const page = await start(t, path, [relay.url], { ...env, openWire: (address, on) => {
    calls++;
    const wire = env.openWire(address, on);
    return { hello: (ask, by) => wire.hello(ask, by), check: (question, add) => wire.check(question, add), send: (frame) => wire.send(frame), close: () => {
      hungUp();
      wire.close();
    } };
  } });
  await done;
  await page.request({ op: "close", doc: note!.doc }); // takes its turn behind whatever was begun with that document
  await page.stop();
  assert.equal(calls, 1);
});

test("a relay that is given later gets every document, also the closed ones", { timeout: 180_000 }, async (t) => {
  const relay = await relayOf(t);
  const path = await directoryOf();
  const env = nodeEnv(path);
  let hungUp = (): void => undefined;
  const done = new Promise<void>((resolve) => { hungUp = resolve; });
  const page = await start(t, path, [], { ...env, openWire: (address, on) => {
    const wire = env.openWire(address, on);
    return { hello: (ask, by) => wire.hello(ask, by), check: (question, add) => wire.check(question, add), send: (frame) => wire.send(frame), close: () => {
      hungUp();
      wire.close();
    } };
  } });
  const notes = await closedNotes(page, 3, false);
  await page.request({ op: "relays", relays: [relay.url] });
  await arriveAt(t, relay, notes);
  await done; // with nothing left to send, nothing is open and the relay is left
  assert.deepEqual(page.problems, []);
});

test("a relay that was put back to an older state is found out by the newest document, and every closed one is brought again", { timeout: 180_000 }, async (t) => {
  const relay = await relayOf(t);
  const page = await start(t, await directoryOf(), [relay.url]);
  const old = await page.edit({ op: "create", type: "note" });
  await old.type(0, "old");
  await page.until("it is on the relay", () => old.status.relay === 3);
  await relay.stop();
  const backup = `${relay.dataDir}.backup`;
  await cp(relay.dataDir, backup, { recursive: true });
  t.after(() => rm(backup, { recursive: true, force: true }));
  await relay.start();
  await page.reconnect();
  const notes = await closedNotes(page, 3, true);
  for (const [i, { doc }] of notes.entries()) await page.request({ op: "head", doc, head: {}, changed: Date.now() + i });
  await relay.stop();
  await rm(relay.dataDir, { recursive: true });
  await cp(backup, relay.dataDir, { recursive: true });
  await relay.start();
  await page.reconnect(); // only the old one is open, of which the relay has all
  await page.until("it is live", () => old.status.relayState === "live");
  await arriveAt(t, relay, notes);
});

test("documents of a shared home that another device changed come without being opened", { timeout: 180_000 }, async (t) => {
  const relay = await relayOf(t);
  const ada = await start(t, await directoryOf(), [relay.url]);
  const list = await ada.edit({ op: "create", type: "freehold.home" });
  await list.type(0, "list");
  const links: Array<{ readonly doc: string; readonly link: string }> = [];
  for (const { doc } of await closedNotes(ada, 9, true)) links.push({ doc, ...(await ada.request({ op: "link", doc, rights: "write" })) });
  await ada.until("the list is on the relay", () => list.status.relay > 0);

  const path = await directoryOf();
  const env = nodeEnv(path);
  const said: string[] = [];
  let quiet = (): void => undefined;
  const bob = await start(t, path, [relay.url], { ...env, openWire: (address, on) => openSocket(address, { ...on, frame: (f) => {
    said.push(f.type === "changed" ? `changed ${f.heads.length}` : f.type);
    on.frame(f);
    if (f.type === "changed" && f.parts === 0) quiet();
  } }) });
  const asked = async (): Promise<void> => new Promise((resolve) => { quiet = resolve; });
  for (const [i, { link }] of links.entries()) {
    const note = await bob.edit({ op: "join", link, type: "note" });
    await bob.until(`note ${i} arrives`, () => note.value === `note ${i}`);
    await bob.request({ op: "close", doc: note.doc });
  }
  const first = asked();
  await bob.edit({ op: "join", link: (await ada.request({ op: "link", doc: list.doc, rights: "owner" })).link, type: "freehold.home" });
  await first;

  const note = await ada.edit({ op: "open", doc: links[7]!.doc, type: "note" });
  await note.type(6, " that changed while nobody looked");
  await ada.until("it is on the relay", () => note.status.relay > 0);
  said.length = 0;
  const second = asked();
  await bob.reconnect();
  await second;
  // One question names the part of that document, the next says that all is well; of the others there is no Hello.
  assert.equal(said.filter((s) => s.startsWith("changed")).length, 2, said.join());
  assert.ok(said.filter((s) => s === "welcome").length <= 4, said.join());
  await relay.stop();
  const mine = await bob.edit({ op: "open", doc: links[7]!.doc, type: "note" });
  assert.equal(mine.value, "note 7 that changed while nobody looked");
  assert.deepEqual([ada.problems, bob.problems], [[], []]);
});

test("what a relay says of a list unasked is not heard, and an answer that none can give ends the connection", { timeout: 120_000 }, async (t) => {
  const relay = await relayOf(t);
  const path = await directoryOf();
  const env = nodeEnv(path);
  const asked: Uint8Array[] = [];
  let on: WireEvents | null = null;
  let calls = 0;
  let spoil: ((f: Changed) => Changed) | null = null;
  let answered = (_: Changed): void => undefined;
  const page = await start(t, path, [relay.url], { ...env, openWire: (address, events) => {
    calls++;
    on = events;
    const wire = openSocket(address, { ...events, frame: (f) => {
      if (f.type !== "changed") return events.frame(f);
      const said = spoil?.(f) ?? f;
      events.frame(said);
      answered(said);
    } });
    return { ...wire, check: (question, add) => {
      asked.push(question.sums);
      wire.check(question, add);
    } };
  } });
  /** The answer on a later connection that all is known. */
  const even = async (): Promise<Changed> => {
    const before = calls;
    const told = new Promise<Changed>((resolve) => { answered = (f) => { if (f.parts === 0 && calls > before) resolve(f); }; });
    await page.reconnect();
    return told;
  };
  const list = await page.edit({ op: "create", type: "freehold.home" });
  await list.type(0, "list");
  await page.until("it is on the relay", () => list.status.relay > 0);
  const last = await even();

  const foreign = (i: number): string => toBase32(Uint8Array.from({ length: 20 }, (_, k) => (k === 0 ? 0 : k === 1 ? i >> 8 : k === 2 ? i & 255 : 7)));
  const heads = Array.from({ length: 600 }, (_, i) => ({ doc: foreign(i), cursor: 1 }));
  const before = asked.length;
  for (const req of [0, last.req, last.req + 1, last.req + 2]) on!.frame({ ...last, req, parts: 1, heads: heads.slice(0, 512) });
  await even();
  assert.equal(asked.length, before + 1, "one question on a new connection");
  assert.deepEqual(asked.at(-1), asked.at(-2), "nothing that nobody asked for is known");

  spoil = (f) => {
    spoil = null;
    return { ...f, parts: 1, heads };
  };
  const dialled = calls;
  await even();
  assert.equal(calls, dialled + 2, "that connection ended, and the next one told");
  assert.deepEqual(asked.at(-1), asked.at(-2));
});

test("each Welcome looks at one document, however many there are", async () => {
  const COUNT = 1000;
  let looks = 0;
  class Counted<V> extends Map<string, V> {
    override get(key: string): V | undefined {
      looks++;
      return super.get(key);
    }
    override *entries(): MapIterator<[string, V]> {
      for (const entry of super.entries()) {
        looks++;
        yield entry;
      }
    }
    override *keys(): MapIterator<string> { for (const [key] of this.entries()) yield key; }
    override *values(): MapIterator<V> { for (const [, value] of this.entries()) yield value; }
    override [Symbol.iterator](): MapIterator<[string, V]> { return this.entries(); }
  }
  const docs = Array.from({ length: COUNT }, (_, i) => `doc ${i}`);
  const secretById = new Counted(docs.map((doc) => [doc, { doc, type: "note" }] as const));
  let idle = (): void => {};
  const filled = new Promise<void>((resolve) => { idle = resolve; });
  let left = COUNT;
  const background = new Background({
    secretById,
    hub: async () => ({ relays: [], stopped: false }),
    inLane: async () => {
      if (--left === 0) idle();
      return null;
    },
    problem: assert.fail,
    syncAll: true,
    now: () => 0,
  } as unknown as BackgroundEnds);
  for (const doc of docs) background.meet("http://relay", "store", false, doc);
  await filled;
  assert.ok(looks >= COUNT && looks <= 3 * COUNT, `${looks} looks at ${COUNT} documents`);
});

test("everything is looked through for a relay four times in an hour, whatever it says, and for another one as well", async () => {
  const COUNT = 3, HOUR = 3_600_000;
  const says: Readonly<Record<string, (i: number) => readonly [store: string, wasPutBack: boolean]>> = {
    "another store each time": (i: number) => [`store ${i}`, false],
    "two stores in turn": (i: number) => [`store ${i % 2}`, false],
    "that it was put back": () => ["store", true],
  };
  for (const [what, said] of Object.entries(says)) {
    let looks = 0, now = 5;
    const background = new Background({
      secretById: new Map(Array.from({ length: COUNT }, (_, i) => [`doc ${i}`, { doc: `doc ${i}`, type: "note" }] as const)),
      hub: async () => ({ relays: [], stopped: false }),
      inLane: async () => {
        looks++;
        return null;
      },
      problem: assert.fail,
      syncAll: true,
      now: () => now,
    } as unknown as BackgroundEnds);
    const hear = async (relay: string, times: number): Promise<number> => {
      const before = looks;
      for (let i = 0; i < times; i++) {
        background.meet(relay, ...said(i), "doc 0");
        background.meet(relay, ...said(i), "doc 1"); // while that is done
        await settle();
      }
      return (looks - before) / COUNT;
    };
    assert.equal(await hear("http://one", 20), 4, what);
    assert.equal(await hear("http://two", 20), 4, what);
    now += HOUR - 1;
    assert.equal(await hear("http://one", 20), 0, what);
    now += 1;
    assert.equal(await hear("http://one", 20), 4, what);
    now += 1000 * HOUR;
    assert.equal(await hear("http://one", 20), 4, what);
  }
});

/** Documents that something happened to. */
const happened = () => {
  const docs = new Set<string>();
  const waiting = new Map<string, () => void>();
  return {
    docs,
    add: (doc: string): void => {
      docs.add(doc);
      waiting.get(doc)?.();
    },
    to: (doc: string): Promise<void> => new Promise((resolve) => {
      waiting.set(doc, resolve);
      if (docs.has(doc)) resolve();
    }),
  };
};

test("what only a tab had open that crashed is let go of", { timeout: 60_000 }, async (t) => {
  const relay = await relayOf(t);
  const base = tabsOf(nodeEnv(await directoryOf()));
  const left = happened();
  const one = await start(t, "", [relay.url], { ...base, openWire: (address, on) => {
    const wire = openSocket(address, on);
    return { ...wire, send: (frame) => {
      if (frame.type === "unsubscribe") left.add(frame.doc);
      wire.send(frame);
    } };
  } });
  // A crash frees a tab's locks, and nothing more is said or heard.
  let isGone = false;
  let crash: () => void = () => undefined;
  const end = new Promise<void>((resolve) => { crash = resolve; });
  const two = await start(t, "", [relay.url], {
    ...base,
    locks: { query: () => base.locks!.query(), request: (async (name: string, ...rest: readonly unknown[]) => {
      const run = rest.at(-1) as (lock: null) => unknown;
      return base.locks!.request(name, (rest.length > 1 ? rest[0] : {}) as LockOptions, () => (isGone ? undefined : Promise.race([run(null), end])));
    }) as LockManager["request"] },
    openChannel: (name) => {
      const inner = base.openChannel!(name);
      const channel: Channel = { onmessage: null, postMessage: (m) => { if (!isGone) inner.postMessage(m); }, close: () => inner.close() };
      inner.onmessage = (e) => { if (!isGone) channel.onmessage?.(e); };
      return channel;
    },
  });
  const three = await start(t, "", [relay.url], base);
  const both = await two.edit({ op: "create", type: "note" });
  await both.type(0, "both");
  const there = await three.edit({ op: "open", doc: both.doc, type: "note" });
  const only = await two.edit({ op: "create", type: "note" });
  await only.type(0, "only");
  for (const note of [both, only]) await two.until("the tab that leads brings it", () => note.status.relay > 0 && note.status.unsent === 0);
  assert.deepEqual([...left.docs], []);
  isGone = true;
  crash();
  await left.to(only.doc);
  await there.type(0, "in ");
  await three.until("what another tab has open goes on", () => there.status.relay === 3 && there.status.unsent === 0);
  assert.deepEqual([...left.docs], [only.doc]);
  await one.stop();
});

/** The device of a tab that cannot read so many times what is stored. */
const unreadable = (env: VaultEnv): { readonly env: VaultEnv; fail(times: number): void } => {
  let left = 0;
  return {
    fail: (times) => void (left = times),
    env: { ...env, openCopies: async (name, o) => {
      const copies = await env.openCopies(name, o);
      return new Proxy(copies, { get: (of, key) => {
        const value: unknown = Reflect.get(of, key, of);
        if (typeof value !== "function") return value;
        return key !== "load" ? value.bind(of) : async (doc: string) => {
          if (left-- > 0) throw new StoreError("storage-lost", "the disk does not answer");
          return of.load(doc);
        };
      } });
    } },
  };
};

test("a document of another tab that could not be read at first is synced once it can", { timeout: 60_000 }, async (t) => {
  const relay = await relayOf(t);
  const base = tabsOf(nodeEnv(await directoryOf()));
  const device = unreadable(base);
  const leader = await start(t, "", [relay.url], device.env);
  const [note] = await closedNotes(leader, 1, true);
  const other = await start(t, "", [relay.url], base);
  device.fail(2);
  const there = await other.edit({ op: "open", doc: note!.doc, type: "note" });
  await there.type(0, "This is ");
  await other.until("it is on the relay", () => there.status.relay === 8 && there.status.unsent === 0);
  assert.deepEqual(leader.problems.map((p) => [p.code, p.doc]), [["storage-lost", note!.doc]], "it is said once");
});

test("a document that could not be read when it was closed with something unsent is sent all the same", { timeout: 60_000 }, async (t) => {
  const relay = await relayOf(t);
  const path = await directoryOf();
  const device = unreadable(nodeEnv(path));
  const page = await start(t, path, [relay.url], device.env);
  const note = await page.edit({ op: "create", type: "note" });
  await page.until("it is live", () => note.status.relayState === "live");
  await relay.stop();
  await page.until("the relay is gone", () => note.status.relayState !== "live");
  await note.type(0, "note 0");
  const { link } = await page.request({ op: "link", doc: note.doc, rights: "read" });
  device.fail(1);
  await page.request({ op: "close", doc: note.doc });
  assert.deepEqual(page.problems.map((p) => [p.code, p.doc]), [["storage-lost", note.doc]]);
  await relay.start();
  await arriveAt(t, relay, [{ link }]);
});
