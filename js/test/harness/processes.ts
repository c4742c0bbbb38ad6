// Process trees that die with the test: a browser must not outlive it, and a kill test must kill all of it at once.

import { type ChildProcess, spawn, type SpawnOptions } from "node:child_process";
import { existsSync, readFileSync, readdirSync } from "node:fs";

const SETPRIV = "/usr/bin/setpriv";
const running = new Set<ChildProcess>();

/** Starts a program as the leader of its own group. Where the system offers it, the kernel kills the program even if this process is killed. */
export const start = (command: string, args: readonly string[], o: SpawnOptions = {}): ChildProcess => {
  const [program, all] = existsSync(SETPRIV) ? [SETPRIV, ["--pdeathsig", "KILL", "--", command, ...args]] : [command, [...args]];
  return adopt(spawn(program, all, { detached: true, stdio: ["ignore", "pipe", "pipe"], ...o }));
};

/** Takes over a process that somebody else started. */
export const adopt = (child: ChildProcess): ChildProcess => {
  running.add(child);
  child.once("exit", () => running.delete(child));
  return child;
};

/** Ids of a process and all its descendants, parents first. */
const treeOf = (root: number): readonly number[] => {
  const childrenByPid = new Map<number, number[]>();
  for (const entry of readdirSync("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      const stat = readFileSync(`/proc/${entry}/stat`, "utf8");
      const parent = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
      childrenByPid.set(parent, [...(childrenByPid.get(parent) ?? []), Number(entry)]);
    } catch {
      // It has ended since.
    }
  }
  const tree = [root];
  for (let i = 0; i < tree.length; i++) tree.push(...(childrenByPid.get(tree[i] as number) ?? []));
  return tree;
};

const signal = (pid: number): void => {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended already.
  }
};

/** SIGKILL to the process, its group and every descendant, at once. */
export const killTreeNow = (child: ChildProcess): void => {
  if (child.pid === undefined) return;
  const tree = treeOf(child.pid);
  if (child.exitCode === null && child.signalCode === null) signal(-child.pid);
  for (const pid of tree) signal(pid);
};

const isAlive = (pid: number): boolean => {
  try {
    // A zombie that nobody has collected is dead for us.
    return !/^\d+ \(.*\) [ZX]/s.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
};

/** Kills the tree and resolves when none of it is left. */
export const killTree = async (child: ChildProcess): Promise<void> => {
  if (child.pid === undefined) return;
  const tree = treeOf(child.pid);
  killTreeNow(child);
  while (tree.some(isAlive)) await new Promise((r) => setTimeout(r, 5));
};

/** Resolves with the first match in what the process prints; rejects with what it printed when it ends before. */
export const printed = (child: ChildProcess, pattern: RegExp): Promise<RegExpExecArray> =>
  new Promise((resolve, reject) => {
    let text = "";
    const hear = (chunk: Buffer): void => {
      text += chunk.toString();
      const match = pattern.exec(text);
      if (match !== null) resolve(match);
    };
    child.stdout?.on("data", hear);
    child.stderr?.on("data", hear);
    child.once("exit", (code, by) => reject(new Error(`${child.spawnfile} ended with ${code ?? by} before it printed ${pattern}:\n${text.slice(-2000)}`)));
    child.once("error", reject);
  });

const killAll = (): void => {
  for (const child of running) killTreeNow(child);
};
process.once("exit", killAll);
for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.once(name, () => {
    killAll();
    process.exit(1);
  });
}
