// The real relay as a process of its own: started, stopped, killed, its disk looked into.

import { spawn, type ChildProcess } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const binary = fileURLToPath(new URL("../../../build/freehold", import.meta.url));

export interface RelayProcess {
  /** `http://127.0.0.1:<port>`; the same after a restart. */
  readonly url: string;
  readonly port: number;
  readonly dataDir: string;
  /** Everything the process printed so far. */
  log(): string;
  start(): Promise<void>;
  /** SIGTERM, and waits for the end. */
  stop(): Promise<void>;
  /** Stops if need be and deletes the disk. */
  wipe(): Promise<void>;
  /** Every byte of every file of its store. */
  disk(): Promise<Buffer>;
  /** Stops and removes everything. */
  end(): Promise<void>;
}

export interface RelayOptions {
  /** Largest file that the process may write, in KiB: a disk that is full, without needing one. */
  readonly fileLimitKiB?: number;
}

/** Starts `build/freehold serve` on a free port with a store of its own. */
export const startRelay = async (o: RelayOptions = {}): Promise<RelayProcess> => {
  if (!existsSync(binary)) throw new Error("build/freehold is missing: run `make build` first");
  const dataDir = await mkdtemp(join(tmpdir(), "freehold-relay-"));
  let port = 0; // the first start takes any free one
  let child: ChildProcess | null = null;
  let printed = "";

  const start = async (): Promise<void> => {
    const args = ["serve", "--listen", `127.0.0.1:${port}`, "--data", dataDir];
    const started = o.fileLimitKiB === undefined
      ? spawn(binary, args, { stdio: ["ignore", "pipe", "pipe"] })
      : spawn("bash", ["-c", `ulimit -f ${o.fileLimitKiB}; exec "$0" "$@"`, binary, ...args], { stdio: ["ignore", "pipe", "pipe"] });
    child = started;
    started.stdout.on("data", (chunk: Buffer) => { printed += chunk.toString(); });
    started.stderr.on("data", (chunk: Buffer) => { printed += chunk.toString(); });
    // Its own greeting, not just an answer on the port: another relay may have the port meanwhile.
    const from = printed.length;
    port = await new Promise<number>((resolve, reject) => {
      const fail = (): void => reject(new Error(`the relay did not start:\n${printed}`));
      const late = setTimeout(fail, 10_000);
      started.once("exit", fail);
      started.stdout.on("data", () => {
        const greeting = /App http:\/\/localhost:(\d+)/.exec(printed.slice(from));
        if (greeting === null) return;
        clearTimeout(late);
        started.off("exit", fail);
        resolve(Number(greeting[1]));
      });
    });
  };
  const stop = async (): Promise<void> => {
    const running = child;
    child = null;
    if (running === null || running.exitCode !== null || running.signalCode !== null) return;
    const ended = new Promise((resolve) => running.once("exit", resolve));
    running.kill("SIGTERM");
    await ended;
  };
  const abandon = (): void => { child?.kill("SIGKILL"); };
  process.once("exit", abandon);

  await start();
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    dataDir,
    log: () => printed,
    start,
    stop,
    async wipe() {
      await stop();
      await rm(dataDir, { recursive: true, force: true });
    },
    async disk() {
      const entries = await readdir(dataDir, { recursive: true, withFileTypes: true });
      return Buffer.concat(await Promise.all(entries.filter((e) => e.isFile()).map((e) => readFile(join(e.parentPath, e.name)))));
    },
    async end() {
      await stop();
      process.off("exit", abandon);
      await rm(dataDir, { recursive: true, force: true });
    },
  };
};
