// A document goes on under other keys: everything that was in it is in the new one, and who has the old one is told.

import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import type { DocType, Home, Shape, Status, Store } from "../../src/types.ts";
import type { FreeholdError } from "../../src/errors.ts";
import { OpenHome } from "../../src/page/home.ts";
import { nodeHost } from "../../src/page/nodehost.ts";
import { defineDoc, s } from "../../src/page/schema.ts";
import { startRelay, type RelayProcess } from "../e2e/relayprocess.ts";
import { code } from "./page-fixture.ts";
import { sealer } from "../../src/seal/seal.ts";
import type { VaultEnv } from "../../src/vault/env.ts";
import { nodeEnv } from "../../src/vault/nodeenv.ts";
import { portPair } from "../../src/vault/portpair.ts";
import { startVault } from "../../src/vault/vault.ts";
import { pollWire } from "../../src/wire/poll.ts";
import type { Batch } from "../../src/wire/wire.ts";
import { directoryOf, start, tabsOf, type Refusal } from "./vault-harness.ts";

const Narrow = defineDoc("everything", { version: 1, shape: { title: s.string() } });
const Wide = defineDoc("everything", {
  version: 2,
  shape: {
    title: s.string(), done: s.boolean(), when: s.instant().optional(), raw: s.bytes().optional(), n: s.number(),
    body: s.text(), empty: s.text(), votes: s.counter(), unvoted: s.counter(),
    essay: s.richText({ bold: s.mark(), link: s.mark({ grow: "none", value: s.string() }), head: s.mark({ block: true, value: s.number() }) }, s.number()),
    tags: s.list(s.string()), todos: s.list(s.object({ text: s.text(), done: s.boolean().default(false), notes: s.list(s.object({ n: s.number() })) })),
    outline: s.tree(s.object({ title: s.string(), body: s.text() })), words: s.tree(s.string()),
    seen: s.record(s.boolean()), people: s.record(s.object({ name: s.string(), about: s.text() })), texts: s.record(s.text()),
    place: s.object({ street: s.string(), notes: s.text() }),
  },
});

interface Device {
  readonly directory?: string;
  /** In the place of plain requests, over which everything goes. */
  readonly fetch?: typeof fetch;
  readonly problems?: string[];
  /** Its relay holds back what this session wrote. */
  hidden?: string;
}
const without = (batch: Batch, session: string | undefined): Batch => ({ ...batch, entries: batch.entries.filter((e) => sealer.header(e.envelope).session !== session) });
const homeOf = async (t: TestContext, relays: readonly RelayProcess[], o: Device = {}): Promise<Home> => {
  const options = { name: "home", directory: o.directory ?? (await directoryOf()), relay: relays.map((r) => r.url), onProblem: (e: FreeholdError) => void o.problems?.push(e.code) };
  const connect = async () => {
    const [page, vault] = portPair();
    const openWire = pollWire(o.fetch ?? fetch);
    startVault(vault, { ...nodeEnv(options.directory), openWire: (relay, on) => openWire(relay, { ...on, frame: (f) => on.frame(f.type === "batch" ? without(f, o.hidden) : f) }) });
    return page;
  };
  const home = new OpenHome({ ...nodeHost(options), connect }, options);
  t.after(() => home.close());
  return home;
};
/** Plain requests that tell when a relay has taken what its owner says. */
const told = (): { readonly fetch: typeof fetch; times(n: number): Promise<void> } => {
  let count = 0;
  let look = (): void => undefined;
  return {
    fetch: async (input, init) => {
      const response = await fetch(input, init);
      if (init?.method === "PUT" && String(input).endsWith("/successor") && response.ok) {
        count++;
        look();
      }
      return response;
    },
    times: (n) => new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`${count} relays were told, not ${n}`)), 30_000);
      look = () => {
        if (count < n) return;
        clearTimeout(late);
        resolve();
      };
      look();
    }),
  };
};
/** Over plain requests nobody is called: asks at once. */
const askAgain = (home: Home): void => {
  home.pause();
  home.resume();
};
const relayOf = async (t: TestContext): Promise<RelayProcess> => {
  const relay = await startRelay();
  t.after(() => relay.end());
  return relay;
};
const until = <V>(store: Store<V>, is: (v: V) => boolean): Promise<void> => new Promise((resolve, reject) => {
  const late = setTimeout(() => { stop(); reject(new Error(JSON.stringify(store.value))); }, 30_000);
  const stop = store.subscribe((v) => {
    if (!is(v)) return;
    clearTimeout(late);
    resolve();
    queueMicrotask(() => stop());
  });
});
const makeEverything = async (home: Home) => {
  const doc = await home.create(Wide, { title: "all of it" });
  doc.change((d) => {
    Object.assign(d, { done: true, when: "2026-01-31T12:00:00.000Z", raw: new Uint8Array([0, 255]), n: -0.5 });
    d.body.insert(0, "long 🌂 text");
    d.votes.add(-3_000_000_000);
    d.essay.insert(0, "Why local\nfirst");
    d.essay.embed(3, 7);
    d.essay.mark(0, 3, "bold", true);
    d.essay.mark(2, 8, "link", "https://a.example");
    d.essay.mark(10, 11, "head", 2);
    for (const tag of ["c", "a", "b"]) d.tags.add(tag);
    const tea = d.todos.add({ text: "tea", notes: [{ n: 1 }, { n: 2 }] });
    d.todos.add({ text: "milk", done: true }, { before: tea });
    d.todos.delete(d.todos.add({ text: "deleted" }));
    const top = d.outline.add({ title: "One", body: "first", children: [{ title: "One and a half", body: "", children: [{ title: "deep", body: "down" }] }] });
    d.outline.move(d.outline.add({ title: "Zero", body: "" }), { before: top });
    d.words.add({ value: "root", children: [{ value: "leaf" }] });
    d.seen.set("me", true);
    d.people.set("ann", { name: "Ann", about: "hers" });
    d.people.set("gone", { name: "Gone", about: "hidden" });
    d.people.delete("gone");
    d.texts.set("t", "a text in a record");
    d.place.street = "Elm";
    d.place.notes.insert(0, "green door");
  });
  return doc;
};
const exported = async <S extends Shape>(home: Home, type: DocType<S>, id: string): Promise<string> => {
  const doc = await home.open(type, id);
  const json = await (await doc.export("json")).text();
  doc.close();
  return json.replace(/"\$id": "[^"]*"/g, '"$id"');
};

test("the new document has all that the old one shows, and what this app's schema does not know, and marks grow as they did", async (t) => {
  const relay = await relayOf(t);
  const home = await homeOf(t, [relay]);
  const old = await makeEverything(home);
  await old.saved();
  const { id } = old;
  const before = await exported(home, Wide, id);
  old.close();
  const narrow = await home.open(Narrow, id); // a version of the app that knows the title only
  const blind = await narrow.relink();
  narrow.close();
  blind.close();
  assert.equal(await exported(home, Wide, blind.id), before);

  const wide = await home.open(Wide, blind.id);
  const next = await wide.relink();
  assert.equal(await exported(home, Wide, next.id), before);
  next.change((d) => {
    d.essay.insert(3, "+");  // behind bold, which grows
    d.essay.insert(9, "-");  // behind the link, which does not
  });
  const bold = next.value.essay.spans().filter((span) => "bold" in span.marks).map((span) => ("text" in span ? span.text : "*")).join("");
  const link = next.value.essay.spans().filter((span) => "link" in span.marks).map((span) => ("text" in span ? span.text : "*")).join("");
  assert.equal(bold, "Why+");
  assert.equal(link, "y+\ufffc loc");
});

test("everybody who has the old one is told where it goes on, now and later, and the new one needs a new link", async (t) => {
  const relay = await relayOf(t);
  const done = told();
  const [home, guest, late] = [await homeOf(t, [relay], done), await homeOf(t, [relay]), await homeOf(t, [relay])];
  const old = await home.create(Narrow, { title: "shared too widely" });
  await old.saved("relay");
  const link = await old.link("read");
  const theirs = await guest.join(Narrow, link);
  await until(theirs, (v) => v.title === "shared too widely");
  assert.equal(theirs.status.value.successor, null);

  const next = await old.relink();
  await done.times(1);
  askAgain(guest);
  const hasMoved = (status: Status): boolean => status.successor === next.id && status.problem?.code === "moved";
  await until(theirs.status, hasMoved);
  await until(old.status, hasMoved);
  const joined = await late.join(Narrow, link);
  await until(joined.status, hasMoved);
  next.change((d) => { d.title = "for fewer eyes"; });
  await next.saved("relay");
  assert.notEqual(next.id, old.id);
  const again = await guest.join(Narrow, await next.link("read"));
  await until(again, (v) => v.title === "for fewer eyes");
  assert.equal(theirs.value.title, "shared too widely");

  await assert.rejects(old.relink(), code("moved"));
  await assert.rejects(theirs.relink(), code("read-only"));
  const third = await next.relink(); // the chain goes on
  await done.times(2);
  askAgain(guest);
  await until(again.status, (status) => status.successor === third.id);
});

/** What somebody who has a link is told by one relay alone. */
const toldBy = async (t: TestContext, relay: RelayProcess, link: URL): Promise<string> => {
  const guest = await homeOf(t, [relay]);
  const doc = await guest.join(Narrow, link);
  await until(doc.status, ({ successor }) => successor !== null);
  return doc.status.value.successor!;
};
const idsIn = (home: Home): readonly string[] => home.list(Narrow).value!.map((d) => d.id).sort();

test("the relay's answer is lost: the new document stays, and is the one that everybody is told of", async (t) => {
  const relay = await relayOf(t);
  let lost = 0;
  let wasLost = (): void => undefined;
  const losing = new Promise<void>((resolve) => { wasLost = resolve; });
  const fetchAndLose: typeof fetch = async (input, init) => {
    const response = await fetch(input, init);
    if (init?.method !== "PUT" || !String(input).endsWith("/successor") || lost > 0) return response;
    lost++;
    wasLost();
    throw new TypeError("the line broke");
  };
  const home = await homeOf(t, [relay], { fetch: fetchAndLose });
  const old = await home.create(Narrow, { title: "one" });
  await old.saved("relay");
  const next = await old.relink();
  await losing;
  assert.equal(await toldBy(t, relay, await old.link("read")), next.id);
  assert.equal(lost, 1);
  await assert.rejects(old.relink(), code("moved"));
  assert.equal(old.status.value.successor, next.id);
  assert.deepEqual(idsIn(home), [old.id, next.id].sort());
  assert.equal(next.value.title, "one");
});

test("without a relay it goes on all the same: a restarted device knows it offline, and tells the relay once it is there", async (t) => {
  const relay = await relayOf(t);
  const directory = await directoryOf();
  const before = await homeOf(t, [relay], { directory });
  const old = await before.create(Narrow, { title: "one" });
  await old.saved("relay");
  const link = await old.link("read");
  await relay.stop();
  const next = await old.relink();
  assert.equal(old.status.value.successor, next.id);
  await before.close();

  const offline = await homeOf(t, [], { directory });
  const again = await offline.open(Narrow, old.id);
  assert.deepEqual([again.status.value.successor, again.status.value.problem?.code], [next.id, "moved"]);
  assert.deepEqual(await again.proofs(), [], "it is kept beside the proofs, and is none");
  await assert.rejects(again.relink(), code("moved"));
  await offline.close();

  await relay.start();
  const done = told();
  const home = await homeOf(t, [relay], { directory, ...done });
  await home.ready; // nobody opens the old document
  await done.times(1);
  assert.equal(await toldBy(t, relay, link), next.id);
});

test("a relay that was away, and one that is added later, are told by any device of the owner", async (t) => {
  const [relay, away, added] = [await relayOf(t), await relayOf(t), await relayOf(t)];
  const done = told();
  const home = await homeOf(t, [relay, away], done);
  const old = await home.create(Narrow, { title: "one" });
  await old.saved("relay");
  const link = await old.link("read");
  await away.stop();
  const next = await old.relink();
  await done.times(1);
  assert.equal(await toldBy(t, relay, link), next.id);
  await away.start();
  askAgain(home);
  await done.times(2);
  assert.equal(await toldBy(t, away, link), next.id);

  const passedOn = told();
  const other = await homeOf(t, [relay], passedOn);
  const theirs = await other.join(Narrow, link); // it may only read: what the owner signed it can pass on
  await until(theirs.status, ({ successor }) => successor === next.id);
  await home.close();
  other.relays.set([relay.url, added.url]);
  await passedOn.times(1);
  assert.equal(await toldBy(t, added, link), next.id);
});

test("two devices of the owner relink at once: both follow the one that the relay had first, and keep the other as a document", async (t) => {
  const relay = await relayOf(t);
  const done = told();
  const home = await homeOf(t, [relay], done);
  const old = await home.create(Narrow, { title: "one" });
  await old.saved("relay");
  const second = await homeOf(t, [relay]);
  const theirs = await second.join(Narrow, await old.link("owner"));
  await until(theirs.status, ({ content }) => content === "complete");
  second.pause();
  const other = await theirs.relink();
  assert.equal(theirs.status.value.successor, other.id);
  const next = await old.relink();
  await done.times(1);
  second.resume();
  await until(theirs.status, ({ successor }) => successor === next.id);
  assert.deepEqual(idsIn(second), [old.id, other.id].sort());
  assert.equal(other.value.title, "one");
  await second.close();
});

test("asked twice at once, by one page or by two tabs, it goes on as one document, and who was later is told", async (t) => {
  const home = await homeOf(t, []);
  const old = await home.create(Narrow, { title: "one" });
  const relinked = await Promise.allSettled([old.relink(), old.relink()]);
  const [next, ...others] = relinked.flatMap((r) => (r.status === "fulfilled" ? [r.value.id] : []));
  assert.deepEqual(others, []);
  assert.ok(relinked.some((r) => r.status === "rejected" && code("moved")(r.reason)), JSON.stringify(relinked));
  assert.equal(old.status.value.successor, next);
  assert.deepEqual(idsIn(home), [old.id, next].sort(), "nothing is left of the second");

  const path = await directoryOf();
  const env = tabsOf(nodeEnv(path));
  const deaf: VaultEnv = { ...env, openChannel: () => ({ onmessage: null, postMessage: () => undefined, close: () => undefined }) }; // what another tab says comes too late
  const tabs = [await start(t, path, [], env), await start(t, path, [], deaf)];
  const { doc } = await tabs[0]!.edit({ op: "create", type: "note" });
  await tabs[1]!.edit({ op: "open", doc, type: "note" });
  const nexts = await Promise.all(tabs.map((tab) => tab.edit({ op: "create", type: "note" })));
  const answers = await Promise.allSettled(tabs.map((tab, i) => tab.request({ op: "succeed", doc, by: nexts[i]!.doc })));
  assert.deepEqual(answers.map((a) => (a.status === "fulfilled" ? "done" : (a.reason as Refusal).problem.code)).sort(), ["done", "moved"]);
  const { doc: successor } = nexts[answers.findIndex((a) => a.status === "fulfilled")]!;
  for (const tab of tabs) assert.equal((await tab.request({ op: "open", doc, type: "note" })).status.successor, successor);
});

test("what a relay holds back is not signed away: the owner is refused until it is here, or says that it may be missing", async (t) => {
  const relay = await relayOf(t);
  const [home, guest] = [await homeOf(t, [relay]), await homeOf(t, [relay])];
  const old = await home.create(Wide, { title: "minutes" });
  await old.saved("relay");
  const theirs = await guest.join(Wide, await old.link("write"));
  await until(theirs, (v) => v.title === "minutes");
  await until(old.sealed, (v) => v.length > 0);
  const owners = sealer.header(old.sealed.value[0]!).session;
  theirs.change((d) => { d.body.insert(0, "what the guest wrote"); });
  await theirs.saved("relay");
  await until(old, (v) => v.body.toString() === "what the guest wrote");
  old.change((d) => { d.title = "minutes, read"; }); // names what the guest wrote
  await old.saved("relay");

  await until(theirs.sealed, (v) => v.some((e) => sealer.header(e).session !== owners));
  const device: Device = { hidden: theirs.sealed.value.map((e) => sealer.header(e).session).find((each) => each !== owners)! };
  const [second, third] = [await homeOf(t, [relay], device), await homeOf(t, [relay], { ...device })];
  const owner = await old.link("owner");
  const never = await homeOf(t, []);
  await assert.rejects((await never.join(Wide, owner)).relink({ partial: true }), code("not-ready"));

  const mine = await second.join(Wide, owner);
  await until(mine.status, ({ content }) => content === "partial");
  await assert.rejects(mine.relink(), code("not-ready"));
  assert.equal(mine.status.value.successor, null);
  assert.deepEqual(second.list(Wide).value!.map((d) => d.id), [old.id], "nothing was made of it");

  const other = await third.join(Wide, owner);
  await until(other.status, ({ content }) => content === "partial");
  third.pause(); // no relay hears of this one
  const without = await other.relink({ partial: true });
  assert.equal(without.value.body.toString(), "");
  assert.equal(other.status.value.successor, without.id);

  device.hidden = "";
  askAgain(second);
  await until(mine.status, ({ content }) => content === "complete");
  const next = await mine.relink();
  assert.equal(next.value.body.toString(), "what the guest wrote");
});

test("a successor that the owner did not name is not believed", async (t) => {
  const relay = await relayOf(t);
  const home = await homeOf(t, [relay]);
  const old = await home.create(Narrow, { title: "still here" });
  await old.saved("relay");
  const lies: typeof fetch = (input, init) =>
    String(input).endsWith("/successor") ? Promise.resolve(new Response(crypto.getRandomValues(new Uint8Array(84)))) : fetch(input, init);
  const path = await directoryOf();
  const guest = await start(t, path, [relay.url], { ...nodeEnv(path), openWire: pollWire(lies) });
  const doc = await guest.edit({ op: "join", link: (await old.link("write")).href, type: "everything" });
  await guest.until("the lie is told", () => guest.problems.some((p) => p.code === "relay-invalid") && doc.status.content === "complete");
  assert.equal(doc.status.successor, null);
  assert.equal(doc.status.problem, null);
});
