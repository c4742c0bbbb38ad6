// doc.presence: what is said, what is heard, and what a hostile peer may say.

import assert from "node:assert/strict";
import { test } from "node:test";
import { encode } from "@msgpack/msgpack";
import type { StandardSchemaV1 } from "@standard-schema/spec";
import { defineDoc, s } from "../../src/page/schema.ts";
import type { Request } from "../../src/protocol.ts";
import { code } from "./page-fixture.ts";
import { settle, toyHome, ToyVault } from "./page-toyvault.ts";

const caret: StandardSchemaV1<unknown, { readonly at: number }> = {
  "~standard": {
    version: 1, vendor: "test",
    validate: (v) => {
      const at = (v as { at?: unknown } | null)?.at;
      if (at === 13) throw new Error("a validator that throws");
      return typeof at === "number" ? { value: { at } } : { issues: [{ message: "no place" }] };
    },
  },
};
const Note = defineDoc("note", { version: 1, shape: { title: s.string() }, presence: { name: s.string(), colour: s.enum("red", "green").default("green"), caret: s.json(caret).optional() } });

const said = (vault: ToyVault): number => vault.log.filter((r: Request) => r.op === "presence").length;

test("what one page says another hears: the newest of each field, defaults for the rest, until it closes", async () => {
  const vault = new ToyVault();
  const mine = await toyHome(vault).home.create(Note);
  await settle();
  const theirs = await toyHome(vault).home.open(Note, mine.id);
  const seen: unknown[] = [];
  theirs.presence.others.subscribe((v) => seen.push(v));
  mine.presence.set({ name: "Ann" });
  await settle();
  mine.presence.set({ caret: { at: 3 } });
  await settle();
  mine.presence.set({ caret: undefined, colour: "red" });
  await settle();
  const session = theirs.presence.others.value[0]!.session;
  assert.match(session, /^[\w-]{22}$/);
  assert.deepEqual(seen, [
    [],
    [{ session, name: "Ann", colour: "green", caret: undefined }],
    [{ session, name: "Ann", colour: "green", caret: { at: 3 } }],
    [{ session, name: "Ann", colour: "red", caret: undefined }],
  ]);
  assert.ok(Object.isFrozen(theirs.presence.others.value) && Object.isFrozen(theirs.presence.others.value[0]));
  assert.deepEqual(mine.presence.others.value, [], "nobody hears himself");
  mine.close();
  await settle();
  assert.deepEqual(theirs.presence.others.value, []);
  assert.throws(() => mine.presence.set({ name: "x" }), code("closed"));
});

test("a pointer that moves is told as often as the vault takes it, the newest last", async () => {
  const vault = new ToyVault();
  const mine = await toyHome(vault).home.create(Note);
  await settle();
  const theirs = await toyHome(vault).home.open(Note, mine.id);
  for (let at = 20; at < 1020; at++) mine.presence.set({ caret: { at } });
  await settle();
  assert.equal(said(vault), 2);
  assert.deepEqual(theirs.presence.others.value[0]!.caret, { at: 1019 });
});

test("what is not of the shape is refused, and nothing of it is said", async () => {
  const vault = new ToyVault();
  const doc = await toyHome(vault).home.create(Note);
  await settle();
  const before = said(vault);
  assert.throws(() => doc.presence.set({ name: 3 as never }), code("invalid"));
  assert.throws(() => doc.presence.set({ name: "Ann", colour: "blue" as never }), code("invalid"));
  assert.throws(() => doc.presence.set({ nmae: "Ann" } as never), code("invalid"));
  assert.throws(() => doc.presence.set({ caret: {} as never }), code("invalid"));
  assert.throws(() => doc.presence.set({ name: "x".repeat(1025) }), code("too-large"));
  await settle();
  assert.equal(said(vault), before);
  doc.presence.set({ colour: "red" });
  await settle();
  const last = vault.log.filter((r: Request) => r.op === "presence").at(-1)!;
  assert.deepEqual([...(last as { state: Uint8Array }).state], [...encode({ colour: "red" })], "of what was refused nothing stayed");
});

test("who may only read is told that nobody would hear", async () => {
  const vault = new ToyVault();
  vault.rights = "read";
  const { home } = toyHome(vault);
  vault.docs.set("d", { type: "note", updates: [] });
  const doc = await home.open(Note, "d");
  assert.throws(() => doc.presence.set({ name: "Ann" }), code("read-only"));
});

test("a hostile peer says what it likes, and is shown as the shape has it or not at all", async () => {
  const vault = new ToyVault();
  const doc = await toyHome(vault).home.create(Note);
  await settle();
  const others = (): readonly { readonly name: string }[] => doc.presence.others.value;
  const say = (session: string, state: Uint8Array | null): void => vault.tell({ kind: "presence", doc: doc.id, session, state });
  const bad: readonly unknown[] = [
    { name: 3 }, { name: ["x"] }, { name: "x", colour: "blue" }, { name: "x", caret: { at: "1" } }, { name: "x", caret: { at: 13 } }, "name", [1], null, 7,
  ];
  for (const [i, v] of bad.entries()) say(`bad${i}`, encode(v));
  for (const bytes of [[], [0x81], [0xdf, 255, 255, 255, 255], [0x80, 0x80], [0xc1], [0x81, 0xa4, 0x6e, 0x61, 0x6d, 0x65, 0xd9, 0xff, 0x41]]) say("odd", Uint8Array.from(bytes));
  assert.deepEqual(others(), []);
  say("ann", encode({ name: "Ann", role: "admin", session: "bob", __proto__: null }));
  say("eve", encode(JSON.parse('{ "name": "Eve", "__proto__": { "isAdmin": true } }')));
  assert.deepEqual(others(), [{ session: "ann", name: "Ann", colour: "green", caret: undefined }, { session: "eve", name: "Eve", colour: "green", caret: undefined }]);
  assert.equal((others()[1] as unknown as { isAdmin?: boolean }).isAdmin, undefined);
  say("ann", encode({ name: 4 }));
  assert.equal(others()[0]!.name, "Ann", "what is not of the shape was not said");
  say("nobody", null);
  say("ann", null);
  assert.equal(others().length, 1);
});

test("the same said again is no change", async () => {
  const vault = new ToyVault();
  const doc = await toyHome(vault).home.create(Note);
  await settle();
  let calls = 0;
  doc.presence.others.subscribe(() => calls++);
  for (let i = 0; i < 3; i++) vault.tell({ kind: "presence", doc: doc.id, session: "ann", state: encode({ name: "Ann" }) });
  assert.equal(calls, 2);
});

test("in another session the page is met anew, and says the same", async () => {
  const vault = new ToyVault();
  const doc = await toyHome(vault).home.create(Note);
  await settle();
  doc.presence.set({ name: "Ann" });
  vault.tell({ kind: "presence", doc: doc.id, session: "bob", state: encode({ name: "Bob" }) });
  await settle();
  const before = said(vault);
  vault.tell({ kind: "ended", doc: doc.id, problem: { code: "core-restarted", message: "the machine stopped", hint: "" } });
  await settle();
  await settle();
  assert.equal(said(vault), before + 1);
  assert.deepEqual(doc.presence.others.value, []);
});

test("presence fields are registers, and not called session", () => {
  assert.throws(() => defineDoc("x", { version: 1, shape: {}, presence: { body: s.text() as never } }), code("invalid"));
  assert.throws(() => defineDoc("x", { version: 1, shape: {}, presence: { session: s.string() } }), code("invalid"));
});

test("a page that goes away says goodbye, one that is only hidden does not", async () => {
  const vault = new ToyVault();
  const { home, hide } = toyHome(vault);
  const doc = await home.create(Note);
  await settle();
  doc.presence.set({ name: "Ann" });
  await settle();
  const lengths = (): readonly number[] => vault.log.flatMap((r: Request) => (r.op === "presence" ? [r.state.length] : []));
  const before = lengths();
  hide();
  await settle();
  assert.deepEqual(lengths(), before);
  hide(true);
  await settle();
  assert.deepEqual(lengths(), [...before, 0]);
});
