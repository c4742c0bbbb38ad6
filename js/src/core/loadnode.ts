// Gets the core's module in Node: a file beside the bundle, or in build/ when run from source.

import { readFile } from "node:fs/promises";

const PLACES = ["./freehold.wasm", "../../../build/freehold.wasm"];

let module: Promise<WebAssembly.Module> | undefined;

const read = async (): Promise<WebAssembly.Module> => {
  let failure: unknown;
  for (const place of PLACES) {
    try {
      return await WebAssembly.compile(await readFile(new URL(place, import.meta.url)));
    } catch (e) {
      failure = e;
    }
  }
  throw failure;
};

/** Compiles once per process. */
export const loadModule = (): Promise<WebAssembly.Module> => (module ??= read());
