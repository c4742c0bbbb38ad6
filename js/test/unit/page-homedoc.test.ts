// Deleting a document of a home whose list is being read again, cannot be, or may only be read, over the toy vault.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { FromVault, Port, ToVault } from "../../src/protocol.ts";
import { HomeDoc } from "../../src/page/homedoc.ts";
import { defineDoc, s } from "../../src/page/schema.ts";
import { code } from "./page-fixture.ts";
import { settle, ToyVault, toyHome } from "./page-toyvault.ts";

const Note = defineDoc("note", { version: 1, shape: { title: s.string().default("") } });
const restarted = { code: "core-restarted", message: "the machine died", hint: "-" } as const;

/** A vault that something happens to while it deletes. */
class Busy extends ToyVault {
  ondelete: () => void = () => undefined;
  override connect(): Port<ToVault, FromVault> {
    const port = super.connect();
    return { ...port, post: (m) => {
      port.post(m);
      if (m.request.op === "delete") this.ondelete();
    } };
  }
  /** Says what documents are here, as a real one does by itself. */
  tellHeads(): void {
    for (const [id, { type }] of this.docs) if (!this.heads.has(id)) this.heads.set(id, { id, type, head: {}, changed: 1, rights: this.rights });
    this.tell({ kind: "heads", heads: [...this.heads.values()] });
  }
  get asked(): readonly string[] { return this.log.map((r) => r.op).filter((op) => op === "delete" || op === "forget"); }
}

const homeWithList = async () => {
  const vault = new Busy();
  const { home, problems } = toyHome(vault);
  const note = await home.create(Note, { title: "a note" });
  const list = await home.create(HomeDoc);
  vault.tellHeads();
  await settle();
  const entry = () => list.value.docs[note.id] as { readonly deleted: boolean } | undefined;
  assert.equal(entry()?.deleted, false);
  return { vault, home, problems, note, list, entry };
};

test("a document that is deleted while its list is read again is deleted in the list, before it goes from here", async () => {
  const { vault, home, problems, note, list, entry } = await homeWithList();
  let isListed: boolean | undefined;
  vault.ondelete = () => vault.tell({ kind: "ended", doc: list.id, problem: restarted });
  list.subscribe(() => { if (entry()?.deleted === true) isListed ??= vault.log.every((r) => r.op !== "forget"); });
  await home.delete(note.id);
  await settle();
  assert.deepEqual([entry()?.deleted, isListed], [true, true]);
  assert.deepEqual([...new Set(vault.asked)], ["delete", "forget"]); // the list says it too
  // Another page reads it from the device.
  const again = await toyHome(vault).home.open(HomeDoc, list.id);
  assert.equal((again.value.docs[note.id] as { readonly deleted: boolean }).deleted, true);
  assert.deepEqual(problems.map((p) => p.message), ["the vault was restarted; nothing was lost"]);
});

test("while its list cannot be read again, nothing is deleted", async () => {
  const { vault, home, note, list } = await homeWithList();
  const stored = vault.docs.get(list.id)!;
  vault.docs.delete(list.id); // what is asked of it fails
  vault.tell({ kind: "ended", doc: list.id, problem: restarted });
  await assert.rejects(home.delete(note.id), code("core-restarted"));
  assert.deepEqual(vault.asked, []);
  note.change((d) => { d.title = "goes on"; });
  await note.saved();
  vault.docs.set(list.id, stored);
});

test("a list that fails when the relay has deleted is told, and the document stays here for another try", async () => {
  const { vault, home, note, list, entry } = await homeWithList();
  const stored = vault.docs.get(list.id)!;
  vault.ondelete = () => {
    vault.docs.delete(list.id);
    vault.tell({ kind: "ended", doc: list.id, problem: restarted });
  };
  await assert.rejects(home.delete(note.id), code("core-restarted"));
  assert.deepEqual(vault.asked, ["delete"]);
  vault.docs.set(list.id, stored);
  vault.docs.set(note.id, { type: "note", updates: [] });
  vault.ondelete = () => undefined;
  vault.tell({ kind: "ended", doc: list.id, problem: restarted });
  await home.delete(note.id);
  assert.equal(entry()?.deleted, true);
});

test("a document of a home that may only be read is not deleted", async () => {
  const vault = new Busy();
  const first = toyHome(vault).home;
  const note = await first.create(Note, { title: "a note" });
  const list = await first.create(HomeDoc);
  vault.tellHeads();
  await settle();
  vault.rights = "read";
  const { home } = toyHome(vault);
  await home.open(HomeDoc, list.id);
  await assert.rejects(home.delete(note.id), code("read-only"));
  assert.deepEqual(vault.asked, []);
});
