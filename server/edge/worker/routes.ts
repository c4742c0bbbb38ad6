// The relay's HTTP handler: server/edge/routes by github.com/syumai/workers, which needs a fresh program for each request.

import "wasm_exec";
import module from "./routes.wasm";
import type { Env } from "./document.ts";

/** What syumai's wasm_exec.js and its Go half ask for. */
interface Binding {
  handleRequest(request: Request): Promise<Response>;
}
declare const Go: new () => {
  readonly importObject: WebAssembly.Imports;
  run(instance: WebAssembly.Instance, context: unknown): Promise<void>;
};

export const handle = async (request: Request, env: Env, ctx: ExecutionContext): Promise<Response> => {
  const go = new Go();
  const binding = {} as Binding;
  await new Promise<void>((ready, fail) => {
    const instance = new WebAssembly.Instance(module, { ...go.importObject, workers: { ready } });
    go.run(instance, { env, ctx, binding }).catch(fail);
  });
  const response = await binding.handleRequest(request);
  // A body that was refused unread is read all the same: the connection would be cut otherwise, and the answer with it.
  if (request.body !== null && !request.bodyUsed) await request.body.pipeTo(new WritableStream());
  return response;
};
