// The native relay with a clock that the test moves (agingrelay/main.go).

import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../../", import.meta.url));

export interface AgingRelay {
  readonly url: string;
  /** Lets so many days pass, and has it let go of what is covered and ripe. */
  age(days: number): Promise<void>;
}

/** Ends with the test. */
export const startAgingRelay = async (t: TestContext): Promise<AgingRelay> => {
  const dir = mkdtempSync(join(tmpdir(), "freehold-aging-"));
  const binary = join(dir, "agingrelay");
  execFileSync("go", ["build", "-o", binary, "./js/test/harness/agingrelay"], { cwd: root, env: { ...process.env, CGO_ENABLED: "0" } });
  const child = spawn(binary, [join(dir, "data")], { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const ended = new Promise((resolve) => child.once("exit", resolve));
  t.after(async () => {
    child.stdin.end();
    await ended;
    rmSync(dir, { recursive: true, force: true });
  });
  const { value: port } = await lines.next();
  return {
    url: `http://127.0.0.1:${port}`,
    async age(days) {
      child.stdin.write(`${days * 24}h\n`);
      const { value } = await lines.next();
      if (value !== "swept") throw new Error(`the relay said ${String(value)}`);
    },
  };
};
