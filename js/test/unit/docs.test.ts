// Documents rot silently: every link must lead somewhere, and every `file: function` of the architecture must exist.

import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const documents = ["README.md", "CHANGELOG.md", "bench/README.md", "js/README.md", "web/README.md",
  ...readdirSync(join(root, "docs"), { recursive: true, encoding: "utf8" }).filter((f) => f.endsWith(".md")).map((f) => `docs/${f}`)].filter((f) => existsSync(join(root, f)));

test("every link of every document leads to a file", () => {
  const dead: string[] = [];
  for (const document of documents) {
    for (const [, target] of readFileSync(join(root, document), "utf8").matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)) {
      if (!/^[a-z]+:/.test(target!) && !existsSync(join(root, dirname(document), target!))) dead.push(`${document}: ${target}`);
    }
  }
  assert.deepEqual(dead, []);
});

test("every path and function that the architecture names exists", () => {
  const text = readFileSync(join(root, "docs/ARCHITECTURE.md"), "utf8");
  const short: Readonly<Record<string, string>> = { page: "js/src/page", store: "js/src/store", seal: "js/src/seal", vault: "js/src/vault" };
  const wrong: string[] = [];
  let checked = 0;
  for (const [, name, functions] of text.matchAll(/`([\w/.-]+\.(?:go|ts))(?:: ([#\w, ]+))?`/g)) {
    const [first, ...rest] = name!.split("/");
    const path = short[first!] !== undefined ? [short[first!], ...rest].join("/") : name!;
    if (!path.includes("/")) continue; // a bare file name, explained by its neighbours
    checked++;
    if (!existsSync(join(root, path))) wrong.push(path);
    else for (const f of functions?.split(", ") ?? []) if (!new RegExp(`${f}\\b`).test(readFileSync(join(root, path), "utf8"))) wrong.push(`${path}: ${f}`);
  }
  assert.ok(checked > 30, `${checked} names were checked`);
  assert.deepEqual(wrong, []);
});
