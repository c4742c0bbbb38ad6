// The relay as a Worker under workerd, as `make worker` built it.

import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { start } from "../harness/processes.ts";

const path = (relative: string): string => fileURLToPath(new URL(`../../../${relative}`, import.meta.url));
const program = path(`server/edge/node_modules/@cloudflare/workerd-${process.platform}-${process.arch === "x64" ? "64" : process.arch}/bin/workerd`);

export interface Workerd {
  /** `http://127.0.0.1:<port>`; the same after a restart. */
  readonly url: string;
  /** Kills it as a power cut does. */
  kill(): Promise<void>;
  start(): Promise<void>;
  /** Kills it and removes what it stored. */
  end(): Promise<void>;
}

export const startWorkerd = async (): Promise<Workerd> => {
  const data = await mkdtemp(join(tmpdir(), "freehold-workerd-"));
  let port = 0; // the first start takes any free one
  const run = async (): Promise<() => Promise<void>> => {
    const child = start(program, ["serve", "config.capnp", `--directory-path=data=${data}`, `--socket-addr=http=127.0.0.1:${port}`, "--control-fd=3"], {
      cwd: path("build/edge"), stdio: ["ignore", "inherit", "inherit", "pipe"],
    });
    const ended = once(child, "exit");
    const word = await Promise.race([once(child.stdio[3] as Readable, "data"), ended.then(() => { throw new Error("workerd did not start: run `make worker` first"); })]);
    port = (JSON.parse(String(word[0])) as { readonly port: number }).port;
    return async () => {
      child.kill("SIGKILL");
      await ended;
    };
  };
  let kill = await run();
  return {
    url: `http://127.0.0.1:${port}`,
    kill: () => kill(),
    start: async () => { kill = await run(); },
    end: async () => {
      await kill();
      await rm(data, { recursive: true, force: true });
    },
  };
};
