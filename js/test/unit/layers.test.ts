// The layer rule of the TypeScript side, by reading every import: commands go down, events come up (docs/ARCHITECTURE.md).

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { readdirSync } from "node:fs";
import { dirname, join, normalize, relative } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../..", import.meta.url));

/** What the files of a folder may import of ours besides their own folder. `.` are the shared files of js/src itself: errors, ids, protocol, types. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  "js/src": ["js/src/page"], // the entries
  "js/src/core": ["js/src"],
  "js/src/page": ["js/src", "js/src/core", "js/src/vault"],
  "js/src/seal": ["js/src"],
  "js/src/store": ["js/src", "idb"],
  "js/src/wire": ["js/src", "js/src/seal"],
  "js/src/vault": ["js/src", "js/src/core", "js/src/seal", "js/src/store", "js/src/wire"],
  "idb": ["js/src", "js/src/store"],
  "web/src": [],
};
/** Of the vault a page knows how to start one, nothing else. */
const vaultForPage: readonly string[] = ["js/src/vault/vault.ts", "js/src/vault/portpair.ts", "js/src/vault/nodeenv.ts", "js/src/vault/worker.ts"];

const folderOf = (file: string): string | null => {
  const folders = Object.keys(allowed).filter((f) => file.startsWith(`${f}/`)).sort((a, b) => b.length - a.length);
  return folders[0] ?? null;
};
const filesBelow = (folder: string): string[] =>
  readdirSync(join(root, folder), { recursive: true, withFileTypes: true }).filter((e) => e.isFile() && e.name.endsWith(".ts")).map((e) => relative(root, join(e.parentPath, e.name)));

/** Every forbidden import of these sources. */
const violations = (sources: ReadonlyMap<string, string>): string[] => {
  const found: string[] = [];
  for (const [file, text] of sources) {
    const folder = folderOf(file);
    if (folder === null) continue;
    for (const [, specifier] of text.matchAll(/(?:from|import)\s*\(?\s*"(\.{1,2}\/[^"]+)"/g)) {
      const to = normalize(join(dirname(file), specifier!));
      const target = folderOf(to);
      if (target === folder && !(folder === "js/src" && to.split("/").length > 3)) continue;
      if (target === null || !allowed[folder]!.includes(target)) found.push(`${file} imports ${to}: another layer`);
      else if (folder === "js/src/page" && target === "js/src/vault" && !vaultForPage.includes(to)) found.push(`${file} imports ${to}: a page only starts the vault and talks to it by protocol.ts`);
    }
  }
  return found;
};

const sources = (): Map<string, string> => new Map(["js/src", "idb", "web/src"].flatMap(filesBelow).map((file) => [file, readFileSync(join(root, file), "utf8")]));

test("nothing reaches into another layer", () => {
  const all = sources();
  assert.ok(all.size > 100, `${all.size} files were read`);
  assert.deepEqual(violations(all), []);
});

test("the rule goes red: a seal that knows the page, an app that knows js/src, a page that reaches into the vault", () => {
  const planted = new Map([
    ["js/src/seal/x.ts", `import { home } from "../page/home.ts";`],
    ["web/src/x.ts", `import { Core } from "../../js/src/core/core.ts";`],
    ["js/src/page/x.ts", `import { Hub } from "../vault/hub.ts";`],
    ["js/src/store/x.ts", `const seal = await import("../seal/seal.ts");`],
  ]);
  assert.equal(violations(planted).length, planted.size);
});
