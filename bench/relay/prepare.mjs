// What the peers are sent, made with their own library: node prepare.mjs FOLDER [automerge]
//
//   yjs-updates.bin       updates of one key press each: length 4 (big-endian), bytes
//   yjs-paper.bin         the whole automerge-paper trace as one update
//   automerge-paper.bin   the same as a document
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import * as Y from "yjs";

const folder = process.argv[2];

const typed = new Y.Doc({ gc: true });
const updates = [];
typed.on("update", (update) => {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(update.length);
  updates.push(length, update);
});
for (let i = 0; i < 20_000; i++) typed.getText("note").insert(i, "a");
writeFileSync(join(folder, "yjs-updates.bin"), Buffer.concat(updates));

const { txns } = JSON.parse(gunzipSync(readFileSync(new URL("../traces/automerge-paper.json.gz", import.meta.url))));
const paper = new Y.Doc({ gc: true });
const text = paper.getText("note");
for (const { patches } of txns) {
  for (const [at, deleted, inserted] of patches) {
    if (deleted > 0) text.delete(at, deleted);
    if (inserted !== "") text.insert(at, inserted);
  }
}
writeFileSync(join(folder, "yjs-paper.bin"), Y.encodeStateAsUpdate(paper));

if (process.argv.includes("automerge")) {
  const { next: Automerge } = await import("@automerge/automerge");
  const typed = Automerge.change(Automerge.from({ text: "" }), (doc) => {
    for (const { patches } of txns) for (const [at, deleted, inserted] of patches) Automerge.splice(doc, ["text"], at, deleted, inserted);
  });
  writeFileSync(join(folder, "automerge-paper.bin"), Automerge.save(typed));
}
