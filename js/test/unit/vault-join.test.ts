// Links of one document with different rights, joined in any order, in several tabs and while its first word comes from the relay.

import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import type { VaultEnv } from "../../src/vault/env.ts";
import type { Rights } from "../../src/protocol.ts";
import type { StoredSecret } from "../../src/store/store.ts";
import type { DocKeys } from "../../src/seal/sealer.ts";
import { nodeEnv } from "../../src/vault/nodeenv.ts";
import { startRelay } from "../e2e/relayprocess.ts";
import { openSocket } from "../harness/websocket.ts";
import { directoryOf, start, tabsOf, type Page } from "./vault-harness.ts";

/** A document on a relay, and its links. */
const shared = async (t: TestContext) => {
  const relay = await startRelay();
  t.after(() => relay.end());
  const a = await start(t, await directoryOf(), [relay.url]);
  const mine = await a.edit({ op: "create", type: "note" });
  await mine.type(0, "hello");
  await a.until("it is out", () => mine.status.relay === 5 && mine.status.unsent === 0);
  const link = async (rights: Rights): Promise<string> => (await a.request({ op: "link", doc: mine.doc, rights })).link;
  return { url: relay.url, doc: mine.doc, read: await link("read"), write: await link("write"), owner: await link("owner") };
};

/** What is stored of a key, where tabs share the store. */
const stored = async (env: VaultEnv, doc: string): Promise<StoredSecret> => (await (await env.openCopies("home", {})).load(doc))!.secret;

const rightsIn = (page: Page): readonly string[] => (page.heads as ReadonlyArray<{ readonly rights: string }>).map((h) => h.rights);

test("what may do more stays over the genesis that another tab keeps", { timeout: 60_000 }, async (t) => {
  const { url, doc, read, write } = await shared(t);
  const env = tabsOf(nodeEnv(await directoryOf()));
  const one = await start(t, "", [url], env);
  await one.request({ op: "pause" });
  const two = await start(t, "", [url], env);
  await one.edit({ op: "join", link: read, type: "note" });
  const other = await two.edit({ op: "open", doc, type: "note" });
  await one.request({ op: "join", link: write, type: "note" });
  await one.request({ op: "close", doc });
  const opened = await one.edit({ op: "open", doc, type: "note" });
  await one.request({ op: "resume" });
  await one.until("it is here", () => opened.value === "hello" && opened.session !== "");
  await two.until("it is in the other tab", () => other.value === "hello");
  await opened.type(5, " more");
  await one.until("it is sent", () => opened.status.unsent === 0);
  const { rights, genesis } = await stored(env, doc);
  assert.deepEqual([rights, genesis?.length], ["write", 113]);
});

test("a lesser link in another tab takes nothing from a greater one, and the tab knows of it", { timeout: 60_000 }, async (t) => {
  const { url, doc, read, write, owner } = await shared(t);
  const env = tabsOf(nodeEnv(await directoryOf()));
  const [one, two] = [await start(t, "", [url], env), await start(t, "", [url], env)];
  const x = await one.edit({ op: "join", link: read, type: "note" });
  await one.until("it is here", () => x.value === "hello");
  const y = await two.edit({ op: "open", doc, type: "note" });
  await two.until("it is in the other tab", () => y.value === "hello");
  await two.request({ op: "head", doc, head: {}, changed: 1 });
  await one.request({ op: "join", link: owner, type: "note" });
  await two.until("the other tab is told", () => rightsIn(two).includes("owner"));
  await two.request({ op: "join", link: write, type: "note" });
  assert.equal((await stored(env, doc)).rights, "owner");
  assert.equal((await two.request({ op: "link", doc, rights: "owner" })).link, owner);
});

test("a link is joined at any moment while the document meets its relay", { timeout: 60_000 }, async (t) => {
  const { url, doc, read, write } = await shared(t);
  const base = nodeEnv("");
  for (const moment of ["before", "while", "after"]) {
    const path = await directoryOf();
    let meets: (copy: "begun") => void = () => undefined;
    const met = new Promise<string>((resolve) => { meets = resolve; });
    let goOn: () => void = () => undefined;
    const held = new Promise<void>((resolve) => { goOn = resolve; });
    const env = tabsOf({ ...base, openCopies: async (name, o) => {
      const copies = await nodeEnv(path).openCopies(name, o);
      const putSecret = copies.putSecret.bind(copies);
      copies.putSecret = async (secret, merge) => {
        if (secret.genesis === null || secret.rights !== "read") return putSecret(secret, merge);
        meets("begun");
        if (moment === "before") await held;
        const putting = putSecret(secret, merge);
        if (moment === "after") await putting;
        return putting;
      };
      return copies;
    } });
    const page = await start(t, path, [url], env);
    const first = await page.edit({ op: "join", link: read, type: "note" });
    await met;
    if (moment === "after") await page.until("it is open", () => first.value.startsWith("hello"));
    const { reopen } = await page.request({ op: "join", link: write, type: "note" });
    goOn();
    assert.equal(reopen, true, moment);
    await page.until("it is here", () => first.value.startsWith("hello"));
    const { rights, genesis } = await stored(env, doc);
    assert.deepEqual([rights, genesis?.length], ["write", 113], moment);
    await page.request({ op: "close", doc });
    const opened = await page.edit({ op: "open", doc, type: "note" });
    await opened.type(5, "!");
    await page.stop();
  }
});

test("a wrong key that says it may do more is no better than a true one", { timeout: 60_000 }, async (t) => {
  const { url, doc, read, write } = await shared(t);
  const path = await directoryOf();
  const env = tabsOf(nodeEnv(path));
  const { parseLink, formatLink } = env.sealer;
  const parsed = await parseLink(write);
  const wrong = await formatLink({ ...parsed, secret: parsed.secret.map((b) => b ^ 1) });
  const page = await start(t, path, [url], env);
  await page.request({ op: "pause" });
  const first = await page.edit({ op: "join", link: read, type: "note" });
  await page.request({ op: "join", link: wrong, type: "note" }); // nobody can tell yet
  await page.request({ op: "resume" });
  await page.until("the document is met", () => first.value === "hello");
  assert.deepEqual([(await stored(env, doc)).rights, (await stored(env, doc)).genesis?.length], ["read", 113]);
  await assert.rejects(page.request({ op: "join", link: wrong, type: "note" }), /wrong-key/);
  await page.request({ op: "join", link: write, type: "note" });
  assert.equal((await stored(env, doc)).rights, "write");
});

test("offline, a greater link stays, and a wrong one goes when the true one comes", { timeout: 60_000 }, async (t) => {
  const { url, doc, read, write, owner } = await shared(t);
  const path = await directoryOf();
  const env = tabsOf(nodeEnv(path));
  const parsed = await env.sealer.parseLink(owner);
  const wrong = await env.sealer.formatLink({ ...parsed, secret: parsed.secret.map((b) => b ^ 1) });
  const page = await start(t, path, [url], env);
  await page.request({ op: "pause" });
  await page.request({ op: "join", link: write, type: "note" });
  await page.request({ op: "join", link: read, type: "note" });
  assert.equal((await stored(env, doc)).rights, "write");
  await page.request({ op: "join", link: wrong, type: "note" });
  const opened = await page.edit({ op: "open", doc, type: "note" });
  await page.request({ op: "resume" });
  await page.until("it says that the key is wrong", () => opened.status.problem?.code === "wrong-key");
  assert.equal((await page.request({ op: "join", link: write, type: "note" })).reopen, true);
  await page.request({ op: "close", doc });
  const again = await page.edit({ op: "open", doc, type: "note" });
  await page.until("it is here", () => again.value === "hello" && again.session !== "");
});

const gate = (): { readonly opened: Promise<void>; open(): void } => {
  let open = (): void => undefined;
  return { opened: new Promise((resolve) => { open = resolve; }), open: () => open() };
};

test("a document that is closed while its session begins leaves none behind", { timeout: 60_000 }, async (t) => {
  const { url, doc, write } = await shared(t);
  const path = await directoryOf();
  const env = nodeEnv(path);
  const [begins, leaves, going] = [gate(), gate(), gate()];
  const keys = async (...args: Parameters<typeof env.sealer.keys>): Promise<DocKeys> => {
    const made = await env.sealer.keys(...args);
    return new Proxy(made, { get: (of, key) => {
      const value: unknown = Reflect.get(of, key, of);
      if (key !== "newSession") return typeof value === "function" ? value.bind(of) : value;
      return async () => {
        begins.open();
        await going.opened;
        return of.newSession();
      };
    } });
  };
  const page = await start(t, path, [url], { ...env, sealer: { ...env.sealer, keys }, openWire: (address, on) => {
    const wire = openSocket(address, on);
    return { ...wire, send: (frame) => {
      if (frame.type === "unsubscribe") leaves.open();
      wire.send(frame);
    } };
  } });
  await page.edit({ op: "join", link: write, type: "note" });
  await begins.opened;
  const closed = page.request({ op: "close", doc });
  await leaves.opened;
  going.open();
  await closed;
  const { held = [], pending = [] } = await env.locks!.query();
  assert.deepEqual([...held, ...pending].map((l) => l.name).filter((name) => name?.includes("/session/")), []);
});
