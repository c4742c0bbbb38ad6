// What a trace takes once it is encoded.
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { replay, same } from "./replay.mjs";

export const name = "sizes";
export const title = "Encoded sizes";
export const note = "Raw, gzip -9, brotli 11. Forms with the whole history are compared with each other, and those without with each other.";
export const columns = [
  { key: "raw", label: "raw, bytes", ratio: true },
  { key: "gzip", label: "gzip, bytes", ratio: true },
  { key: "brotli", label: "brotli, bytes", ratio: true },
];
export const once = true;
export const cases = ["automerge-paper", "sveltecomponent"].flatMap((trace) => [
  { id: `${trace}, whole history`, trace, history: true, needs: ["text", "file"] },
  { id: `${trace}, without history`, trace, history: false, needs: ["text", "file"] },
]);

const run = async (adapter, c, context) => {
  const trace = await context.trace(c.trace);
  const sizes = [];
  for (const form of adapter.forms.filter((f) => f.history === c.history)) {
    const doc = adapter.create(form.options);
    doc.transact(() => { for (const t of trace.txns) for (const patch of t.patches) replay(doc, patch); });
    const bytes = doc.encode(form);
    same(adapter.load(bytes).text(), trace.endContent);
    sizes.push({
      form: form.name, raw: bytes.length, gzip: gzipSync(bytes, { level: 9 }).length,
      brotli: brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_LGWIN]: 24 } }).length,
    });
  }
  if (sizes.length === 0) return { absent: true };
  // The best of each column, and below the table what each form takes.
  const best = Object.fromEntries(["raw", "gzip", "brotli"].map((key) => [key, Math.min(...sizes.map((s) => s[key]))]));
  return { ...best, detail: sizes.map((s) => `${s.form}: ${s.raw} raw, ${s.gzip} gzip, ${s.brotli} brotli`).join("; ") };
};
export const stages = [{ name: "run", run }];
