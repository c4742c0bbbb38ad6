// The public API of the packed package, in Node: one `change` per edit, a frozen view after each, stored in a directory meanwhile.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freehold, defineDoc, s } from "freehold";

export const name = "freehold";

const Note = defineDoc("bench", { version: 1, shape: { body: s.text() } });

export async function create({ subscribe }) {
  const directory = mkdtempSync(join(tmpdir(), "freehold-bench-"));
  const home = freehold({ name: "bench", directory });
  const doc = await home.create(Note);
  let events = 0;
  if (subscribe) doc.subscribe(() => { events++; });
  return {
    edit(pos, del, ins) {
      doc.change((d) => {
        if (del > 0) d.body.delete(pos, del);
        if (ins) d.body.insert(pos, ins);
      });
    },
    text: () => doc.value.body.toString(),
    events: () => events,
    async close() {
      await doc.saved();
      doc.close();
      await home.close?.();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
