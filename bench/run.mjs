// make bench: Freehold beside its peers. Writes results/<date>-<commit>.{json,md} and the tables of README.md.
//
//   node bench/run.mjs [--rounds 5] [--only typing,values/map] [--libraries core,json-joy] [--no-chromium]
//
// Each measurement has a process of its own, and rounds are interleaved, so that a noisy minute hits all libraries. What takes more CPU time than
// LIMIT is stopped and printed as such; a wrong result fails the run. With --only or --libraries nothing is written.
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "./chromium.mjs";
import { libraries } from "./libraries.mjs";
import { navigation } from "./navigation.mjs";
import { downloads, report, write } from "./report.mjs";
import { setUp } from "./setup.mjs";

const LIMIT = 30_000; // ms
/** How much longer than that somebody may wait on a busy machine. */
const PATIENCE = 10;
const TABLES = ["typing", "updates", "friends", "load", "sizes", "values", "field"];

const here = fileURLToPath(new URL(".", import.meta.url));
const option = (name, fallback) => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? fallback : process.argv[at + 1];
};
const rounds = Number(option("rounds", "5"));
const only = option("only", "").split(",").filter((w) => w !== "");
const chosen = option("libraries", Object.keys(libraries).join(",")).split(",");
const wanted = (path) => only.length === 0 || only.some((w) => path.startsWith(w) || path.includes(`/${w}`));

/** CPU time of a process's main thread, ms. */
const used = (pid) => Number(readFileSync(`/proc/${pid}/task/${pid}/schedstat`, "latin1").split(" ", 1)[0]) / 1e6;

/** Runs a job; gives its figures, "over" or throws. */
const inNode = (table, c, library, stage, directory) => new Promise((resolve, reject) => {
  const child = spawn(process.execPath, ["--expose-gc", `${here}job.mjs`, table.name, c.id, library, stage.name, directory], { stdio: ["ignore", "pipe", "pipe"] });
  let out = "", err = "", timer;
  const stop = () => {
    child.kill("SIGKILL");
    resolve("over");
  };
  const watch = (from, patience) => {
    timer = setTimeout(() => {
      const left = LIMIT - (used(child.pid) - from);
      if (left <= 0 || patience === 0) stop();
      else watch(from, patience - 1);
    }, LIMIT);
  };
  // Preparing and closing are no part of a measurement, but they have to end as well.
  const idle = () => {
    timer = setTimeout(() => {
      child.kill("SIGKILL");
      reject(new Error("preparing or closing does not end"));
    }, LIMIT * PATIENCE);
  };
  idle();
  child.stdout.setEncoding("utf8").on("data", (s) => {
    out += s;
    const word = out.trimEnd().split("\n").at(-1);
    clearTimeout(timer);
    if (word === "begin") watch(used(child.pid), PATIENCE);
    else idle();
  });
  child.stderr.setEncoding("utf8").on("data", (s) => { err += s; });
  child.on("close", (code) => {
    clearTimeout(timer);
    if (code !== 0) reject(new Error(err.trim() || `exit ${code}`));
    else resolve(JSON.parse(out.trimEnd().split("\n").at(-1)));
  });
});

/** Every library and round of a case. */
async function measure(place, table, c, run) {
  const rows = chosen.filter((l) => !c.without?.includes(l) && c.needs.every((what) => libraries[l].can.includes(what)))
    .map((library) => ({ place, table: table.name, case: c.id, contender: library, figures: {}, directory: mkdtempSync(join(tmpdir(), "freehold-bench-")) }));
  process.stderr.write(`\n${place} ${table.name}/${c.id} `);
  try {
    for (let round = 0; round < (table.once || c.once ? 1 : rounds); round++) {
      for (const row of rows) {
        if (row.over || row.failure !== undefined || row.absent) continue;
        try {
          for (const stage of table.stages) {
            if (stage.once && round > 0) continue;
            const figures = await run(table, c, row.contender, stage, row.directory);
            if (figures === "over") row.over = true;
            if (figures.absent) row.absent = true;
            if (row.over || row.absent) break;
            for (const [key, value] of Object.entries(figures)) {
              if (typeof value === "string") row[key] = value;
              else (row.figures[key] ??= []).push(value);
            }
          }
        } catch (e) {
          row.failure = e.message;
          console.error(`\n${table.name}, ${c.id}, ${row.contender}: ${e.message}`);
        }
        process.stderr.write(row.over ? ">" : row.failure === undefined ? "." : "!");
      }
    }
  } finally {
    for (const row of rows) {
      rmSync(row.directory, { recursive: true, force: true });
      delete row.directory;
    }
  }
  return rows.filter((row) => !row.absent);
}

const versions = await setUp();
// A long run is of what was built when it began.
const commit = execFileSync("git", ["rev-parse", "--short", "HEAD"], { cwd: here, encoding: "utf8" }).trim();
const date = new Date().toISOString().slice(0, 10);
const tables = await Promise.all(TABLES.map((name) => import(`./tables/${name}.mjs`)));
const rows = [];
for (const table of tables) {
  for (const c of table.cases) {
    if (wanted(`${table.name}/${c.id}`)) rows.push(...await measure("node", table, c, inNode));
  }
}
if (!process.argv.includes("--no-chromium")) {
  const cases = tables.flatMap((table) => table.cases.filter((c) => c.chromium && wanted(`chromium-${table.name}/${c.id}`)).map((c) => ({ table, c })));
  if (cases.length > 0) {
    const browser = await chromium(LIMIT);
    try {
      for (const { table, c } of cases) rows.push(...await measure("chromium", table, c, browser.run));
    } finally {
      await browser.close();
    }
  }
}
const start = wanted("start/") ? await navigation({ rounds }) : [];

const result = { date, commit, rounds, limit: LIMIT, versions, downloads: downloads(), start, rows };
const whole = only.length === 0 && chosen.length === Object.keys(libraries).length;
console.log(`\n${report(result, tables)}`);
if (whole) write(result, tables);
const failed = rows.filter((row) => row.failure !== undefined);
for (const row of failed) console.error(`FAILED ${row.place} ${row.table}, ${row.case}, ${row.contender}: ${row.failure}`);
process.exit(failed.length > 0 ? 1 : 0);
