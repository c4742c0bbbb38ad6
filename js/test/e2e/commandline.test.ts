// What devices of the package wrote comes through the command line: kept, brought to an empty relay, read from there by a
// fresh device, printed, and begun anew.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { defineDoc, freehold, s, type Home, type Status, type Store } from "../../src/node.ts";
import { startRelay } from "./relayprocess.ts";

const binary = fileURLToPath(new URL("../../../build/freehold", import.meta.url));

/** Runs a command and gives what it prints; rejects with what it says is wrong. */
const command = (args: readonly string[], input = ""): Promise<string> =>
  new Promise((resolve, reject) => {
    const child = execFile(binary, [...args], { encoding: "utf8", maxBuffer: 1 << 26 }, (error, out, problems) => {
      if (error === null) resolve(out);
      else reject(new Error(`freehold ${args[0]}: ${out}${problems}`));
    });
    child.stdin!.end(input);
  });

/** Resolves when everything has arrived that the relay has. */
const complete = <D extends { readonly status: Store<Status> }>(doc: D): Promise<D> =>
  new Promise((resolve) => {
    let stop = (): void => {};
    stop = doc.status.subscribe((now) => {
      if (now.content !== "complete") return;
      resolve(doc);
      setImmediate(() => stop());
    });
  });

const Note = defineDoc("note", { version: 1, shape: {
  title: s.string(),
  body: s.text(),
  rich: s.richText({ bold: s.mark() }),
  count: s.counter(),
  todos: s.list(s.object({ text: s.text(), done: s.boolean().default(false) })),
  outline: s.tree(s.object({ title: s.string() })),
  tags: s.record(s.string()),
} });

test("what two devices wrote survives the relay, through a backup", { timeout: 120_000 }, async () => {
  const folder = await mkdtemp(join(tmpdir(), "freehold-cli-"));
  const relay = await startRelay();
  const other = await startRelay();
  const homes: Home[] = [];
  const home = (name: string, url: string): Home => {
    const h = freehold({ name, relay: url, directory: join(folder, name) });
    homes.push(h);
    return h;
  };
  try {
    const own = home("a", relay.url);
    const a = await own.create(Note, { title: "Kept" });
    a.change((d) => {
      d.body.insert(0, "first ");
      d.rich.insert(0, "bold\n");
      d.rich.mark(0, 4, "bold", true);
      d.todos.add({ text: "tickets" });
      d.outline.add({ title: "top", children: [{ title: "below" }] });
      d.tags.set("k", "v");
      d.count.add(2);
    });
    await a.saved("relay");
    const write = `${await a.link("write")}`;
    const read = `${await a.link("read")}`;
    const b = await complete(await home("b", relay.url).join(Note, write));
    // In turns, so that each has seen what the other wrote.
    for (let i = 0; i < 40; i++) {
      a.change((d) => d.body.insert(d.body.length, "a"));
      b.change((d) => { d.body.insert(0, "b"); d.count.add(1); });
      await Promise.all([a.saved("relay"), b.saved("relay")]);
    }
    await command(["backup", "--once", "--relay", relay.url, "-", join(folder, "kept")], read);
    assert.match(await command(["verify", "--link", "-", join(folder, "kept")], read), /all is well/);
    // One link keeps everything that its owner has, once another device has seen it there.
    const everything = `${await own.addDevice()}`;
    const witness = home("witness", relay.url);
    await witness.restore(everything);
    await new Promise<void>((resolve) => witness.list(Note).subscribe((rows) => { if (rows !== undefined && rows.length > 0) resolve(); }));
    await command(["backup", "--once", "-", join(folder, "all")], everything);
    assert.match(await command(["export", "--from", join(folder, "all"), "-"], read), /tickets/);
    const want = JSON.parse(await command(["export", "--relay", relay.url, "-"], read)) as Record<string, unknown>;
    assert.equal(want["count"], 42);
    assert.equal((want["body"] as string).length, "first ".length + 80);

    // The relay and both devices are gone.
    await Promise.all(homes.splice(0).map((h) => h.close()));
    await relay.wipe();
    await command(["restore", join(folder, "kept"), other.url]);
    const fresh = await complete(await home("fresh", other.url).join(Note, read));
    const shown = JSON.parse(await (await fresh.export("json")).text()) as Record<string, unknown>;
    for (const field of ["title", "body", "count", "tags"]) assert.deepEqual(shown[field], want[field], field);
    assert.equal(JSON.stringify(shown).includes("tickets"), true);

    // An archive begins another document, which devices can join and write.
    const archive = join(folder, "note.freehold");
    await writeFile(archive, await commandBytes(["export", "--as", "archive", "--from", join(folder, "kept"), "-"], read));
    const links = await command(["import", archive, other.url]);
    const link = /^write (\S+)$/m.exec(links)![1]!;
    const again = await complete(await home("again", other.url).join(Note, `${other.url}/#${link}`));
    assert.deepEqual(JSON.parse(await (await again.export("json")).text()), shown);
    again.change((d) => d.body.insert(0, "and on it goes: "));
    await again.saved("relay");
    assert.match(await command(["export", "--as", "markdown", "--relay", other.url, "-"], link), /# Kept\n\nand on it goes: b/);
  } finally {
    await Promise.all(homes.map((h) => h.close()));
    await Promise.all([relay.end(), other.end()]);
    await rm(folder, { recursive: true, force: true });
  }
});

const commandBytes = (args: readonly string[], input: string): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    const child = execFile(binary, [...args], { encoding: "buffer", maxBuffer: 1 << 26 }, (error, out, problems) => {
      if (error === null) resolve(out);
      else reject(new Error(problems.toString()));
    });
    child.stdin!.end(input);
  });
