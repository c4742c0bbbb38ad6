// Homes over the real vault: joining what is open, and a sync machine that dies under an open document.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { Core } from "../../src/core/core.ts";
import { loadModule } from "../../src/core/loadnode.ts";
import type { FreeholdError } from "../../src/errors.ts";
import { OpenHome } from "../../src/page/home.ts";
import { nodeHost } from "../../src/page/nodehost.ts";
import { defineDoc, s } from "../../src/page/schema.ts";
import type { Status, Store } from "../../src/types.ts";
import { nodeEnv } from "../../src/vault/nodeenv.ts";
import { portPair } from "../../src/vault/portpair.ts";
import { startVault } from "../../src/vault/vault.ts";
import { startRelay } from "../e2e/relayprocess.ts";
import { code } from "./page-fixture.ts";

const Note = defineDoc("note", { version: 1, shape: { title: s.string(), body: s.text() } });

/** A home in a directory of its own; `machine` is the core that its vault's sync machine runs in. */
const open = (t: TestContext, relay: string[] = []): { home: OpenHome; problems: FreeholdError[]; machine: () => Core } => {
  const directory = mkdtempSync(join(tmpdir(), "freehold-"));
  const problems: FreeholdError[] = [];
  let machine: Core;
  const home = new OpenHome({
    ...nodeHost({ name: "n", directory }),
    connect: async () => {
      const [page, vault] = portPair();
      startVault(vault, { ...nodeEnv(directory), loadCore: async () => (machine = await Core.start(await loadModule())) });
      return page;
    },
  }, { name: "n", relay, onProblem: (e) => problems.push(e) });
  t.after(async () => {
    await home.close();
    rmSync(directory, { recursive: true, force: true });
  });
  return { home, problems, machine: () => machine };
};

const until = (status: Store<Status>, is: (s: Status) => boolean): Promise<void> => new Promise((resolve) => {
  const stop = status.subscribe((now) => {
    if (!is(now)) return;
    queueMicrotask(() => stop());
    resolve();
  });
});

test("joining what is open already keeps its session: every later edit is saved", async (t) => {
  const { home, problems } = open(t);
  const note = await home.create(Note, { title: "mine" });
  const link = await note.link("write");
  note.change((d) => { d.title = "under way"; });
  assert.equal(await home.join(Note, link), note);
  note.change((d) => { d.title = "after it"; });
  await note.saved();
  note.close();
  note.close();

  const [opened, joined] = await Promise.all([home.open(Note, note.id), home.join(Note, link)]);
  assert.equal(opened, joined);
  joined.change((d) => { d.body.insert(0, "twice at once"); });
  await joined.saved();
  assert.deepEqual([joined.value.title, joined.value.body.toString()], ["after it", "twice at once"]);
  joined.close();
  assert.doesNotThrow(() => opened.change((d) => { d.title = "still open"; }));
  assert.deepEqual(problems, []);
});

test("a link that may write makes a document that is open for reading writable", { timeout: 30_000 }, async (t) => {
  const relay = await startRelay();
  t.after(() => relay.end());
  const a = open(t, [relay.url]);
  const mine = await a.home.create(Note, { title: "shared" });
  await mine.saved("relay");
  const b = open(t, [relay.url]);
  const theirs = await b.home.join(Note, await mine.link("read"));
  await until(theirs.status, (status) => status.content === "complete");
  assert.throws(() => theirs.change((d) => { d.title = "no"; }), code("read-only"));
  assert.equal(await b.home.join(Note, await mine.link("write")), theirs);
  assert.equal(theirs.rights, "write");
  assert.deepEqual(b.home.list(Note).value!.map((row) => row.rights), ["write"]);
  theirs.change((d) => { d.title = "yes"; });
  await theirs.saved("relay");
  assert.deepEqual(b.problems, []);
});

test("a sync machine that dies: the document goes on in another, and what was lost is told", { timeout: 30_000 }, async (t) => {
  const { home, problems, machine } = open(t);
  const note = await home.create(Note, { title: "kept" });
  await note.saved();
  const first = machine();
  first.fail("a test says so");
  note.change((d) => { d.body.insert(0, "lost"); });
  await assert.rejects(note.saved(), code("core-restarted"));
  await until(note.status, () => problems.some((p) => p.message.includes("were lost")));
  assert.notEqual(machine(), first);
  assert.ok(problems.some((p) => p.message === "the vault was restarted; 4 unsaved operations were lost"), problems.map((p) => p.message).join("; "));
  note.change((d) => { d.title = "goes on"; });
  await note.saved();
  note.close();
  assert.deepEqual([(await home.open(Note, note.id)).value.title], ["goes on"]);
});
