// Gets the core's module in a browser, with no bundler plug-in.
//
// `fetch(new URL("./freehold.wasm", import.meta.url))` is what bundlers recognise and emit. Where one does not, a dev server
// answers with its HTML page or a 404; the magic bytes tell, and the copy inside inline.js (gzip in base64) is used instead.

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

/** Compiles once per page or worker. */
export const loadModule = (): Promise<WebAssembly.Module> =>
  (module ??= (async () => WebAssembly.compile((await fetched(new URL("./freehold.wasm", import.meta.url))) ?? (await inlined())))());
