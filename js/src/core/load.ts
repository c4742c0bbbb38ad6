// Gets the core's module in a browser, with no bundler plug-in.
//
// `fetch(new URL("./freehold.wasm", import.meta.url))` is what bundlers recognise and emit. Where one does not, a dev server
// answers with its HTML page or a 404; the magic bytes tell, and the copy inside inline.js (gzip in base64) is used instead.

import { FreeholdError } from "../errors.ts";

const MAGIC = 0x6d736100; // "\0asm"

const isWasm = (bytes: ArrayBuffer): boolean => bytes.byteLength > 8 && new DataView(bytes).getUint32(0, true) === MAGIC;

const fetched = async (url: URL): Promise<ArrayBuffer | null> => {
  try {
    const bytes = await (await fetch(url)).arrayBuffer();
    return isWasm(bytes) ? bytes : null;
  } catch {
    return null; // offline and not cached, or refused by a policy: the inline copy may be there
  }
};

const inlined = async (): Promise<ArrayBuffer> => {
  // @ts-expect-error build.mjs writes inline.js beside the bundle and leaves this specifier as it is, for other bundlers to follow.
  const { wasm } = (await import("./inline.js")) as { wasm: string };
  const zipped = Uint8Array.from(atob(wasm), (c) => c.charCodeAt(0));
  return new Response(new Blob([zipped]).stream().pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();
};

let module: Promise<WebAssembly.Module> | undefined;

const load = async (): Promise<WebAssembly.Module> => {
  const url = new URL("./freehold.wasm", import.meta.url);
  let bytes: ArrayBuffer;
  try {
    bytes = (await fetched(url)) ?? (await inlined());
  } catch (cause) {
    throw new FreeholdError("not-ready", `neither ${url.href} nor inline.js beside it is the core`, "load the page again when online; if that does not help, put both files of the package beside your script (its README, \"Bundlers\")", { cause });
  }
  try {
    return await WebAssembly.compile(bytes);
  } catch (cause) {
    throw new FreeholdError("not-ready", "the browser does not compile the core", "a Content-Security-Policy has to allow 'wasm-unsafe-eval' in script-src", { cause });
  }
};

/** Compiles once per page; a failure may be tried again by the next call. FreeholdError("not-ready"). */
export const loadModule = (): Promise<WebAssembly.Module> =>
  (module ??= load().catch((e: unknown) => {
    module = undefined;
    throw e;
  }));
