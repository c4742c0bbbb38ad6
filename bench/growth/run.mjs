// Runs the program of this folder as wasm under Node, as the product runs: node bench/growth/run.mjs FILE.wasm [ARGUMENT …]
// GOGC is that of the environment.
import { readFile } from "node:fs/promises";
import { WASI } from "node:wasi";

const [file, ...args] = process.argv.slice(2);
const wasi = new WASI({ version: "preview1", args: [file, ...args], env: { GOGC: process.env.GOGC ?? "200" } });
const { instance } = await WebAssembly.instantiate(await readFile(file), wasi.getImportObject());
wasi.start(instance);
