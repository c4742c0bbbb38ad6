// Turns the figures of a run into Markdown: one table for each case in results/, the ratios in README.md.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { libraries } from "./libraries.mjs";
import { root } from "./setup.mjs";

const here = fileURLToPath(new URL(".", import.meta.url));
const nameOf = (library) => libraries[library].name;
const isOurs = (library) => libraries[library].ours === true;
const places = { node: "", chromium: ", in Chromium" };

/** The lower one of the two in the middle. */
const median = (values) => [...values].sort((a, b) => a - b)[(values.length - 1) >> 1];
const number = (n, digits = 0) => n.toFixed(digits).replace(/\B(?=(\d{3})+(?!\d))/g, ",");
const line = (cells) => `| ${cells.join(" | ")} |`;
const table = (head, body) => [line(head), line(head.map((_, i) => (i === 0 ? "---" : "--:"))), ...body.map(line)];

const over = (limit) => `>${limit / 1000} s`;
/** Median of a row's column; undefined when there is none. */
const middle = (row, column) => (row?.figures[column.key] === undefined || row.over ? undefined : median(row.figures[column.key]));
/** Only what grows with the work is divided: a peer's negative or tiny memory would give any ratio. */
const ratio = (row, peers, column) => {
  const mine = middle(row, column);
  const best = Math.min(...peers.map((p) => middle(p, column)).filter((n) => n !== undefined));
  return mine === undefined || !Number.isFinite(best) || best <= 0 ? undefined : mine / best;
};
const ratioCell = (r) => (r === undefined ? "" : r > 1 ? `**${r.toFixed(2)}**` : r.toFixed(2));

const groups = (result, tables) => tables.flatMap((t) => ["node", "chromium"].flatMap((place) => {
  const rows = result.rows.filter((row) => row.table === t.name && row.place === place);
  const cases = t.cases.filter((c) => rows.some((row) => row.case === c.id));
  const columns = t.columns.filter((column) => rows.some((row) => row.figures[column.key] !== undefined));
  return cases.length === 0 ? [] : [{ title: t.title + places[place], note: t.note, columns, cases: cases.map((c) => ({ id: c.id, rows: rows.filter((row) => row.case === c.id) })) }];
}));

/** One table for each case: libraries down, figures across. */
const detailed = ({ limit }, group) => [
  `## ${group.title}`, "", group.note.replaceAll("\n", " "), "",
  ...group.cases.flatMap(({ id, rows }) => [
    `### ${id}`, "",
    ...table(["library", ...group.columns.map((c) => c.label)], rows.map((row) => [
      nameOf(row.contender),
      ...group.columns.map((column, i) => {
        if (row.failure !== undefined) return i === 0 ? "failed" : "";
        if (row.over) return i === 0 ? over(limit) : "";
        const values = row.figures[column.key];
        if (values === undefined) return "";
        const m = number(median(values), column.digits), min = number(Math.min(...values), column.digits);
        return m === min ? m : `${m} / ${min}`;
      }),
    ])), "",
    ...rows.filter((row) => row.detail !== undefined).flatMap((row) => [`- ${nameOf(row.contender)}: ${row.detail}`]),
    ...(rows.some((row) => row.detail !== undefined) ? [""] : []),
  ]),
];

/** One table for each group: cases and figures down, libraries across, our ratios last. */
const summary = ({ limit }, group) => {
  const present = Object.keys(libraries).filter((l) => group.cases.some(({ rows }) => rows.some((row) => row.contender === l)));
  const mine = present.filter(isOurs);
  const body = group.cases.flatMap(({ id, rows }) => group.columns.filter((c) => c.ratio).flatMap((column, i) => {
    const of = (library) => rows.find((row) => row.contender === library);
    const peers = rows.filter((row) => !isOurs(row.contender));
    if (rows.every((row) => middle(row, column) === undefined)) return [];
    return [[
      i === 0 ? `${id}: ${column.label}` : column.label,
      ...present.map((l) => {
        const row = of(l), m = middle(row, column);
        return row?.failure !== undefined ? "failed" : row?.over ? over(limit) : m === undefined ? "" : number(m, column.digits);
      }),
      ...mine.map((l) => ratioCell(ratio(of(l), peers, column))),
    ]];
  }));
  return [`### ${group.title}`, "", group.note, "", ...table(["", ...present.map(nameOf), ...mine.map((l) => `${nameOf(l)} ÷ best`)], body), ""];
};

const kb = (n) => number(n / 1000, 1);
const fixed = (result) => [
  ...table(["download, kB", "raw", "gzip -9", "brotli 11"], result.downloads.map((d) => [d.file, kb(d.raw), kb(d.gzip), kb(d.brotli)])), "",
  ...(result.start.length === 0 ? [] : [...table(["the notes app in Chromium, ms", "median", "min"], result.start.map((s) => [s.what, number(s.median), number(s.min)])), ""]),
];

export const report = (result, tables) => [...groups(result, tables).flatMap((g) => detailed(result, g)), ...fixed(result)].join("\n");

/** The package's own files. */
export const downloads = () => ["build/freehold.wasm", "js/dist/index.js", "js/dist/vault.js"].map((file) => {
  const bytes = readFileSync(root + file);
  return {
    file, raw: bytes.length, gzip: gzipSync(bytes, { level: 9 }).length,
    brotli: brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length } }).length,
  };
});

/** results/<date>-<commit>.{json,md}, and the part of README.md between the marks. */
export function write(result, tables) {
  const { date, commit } = result;
  const machine = `${cpus().length} × ${cpus()[0].model.trim()}, Node ${process.version}`;
  const versions = Object.entries(result.versions).map(([name, v]) => `${name} ${v}`).join(", ");
  const head = `${machine}; rounds: ${result.rounds}, lower medians; ${versions}.`;

  mkdirSync(`${here}results`, { recursive: true });
  const base = `results/${date}-${commit}`;
  writeFileSync(`${here}${base}.json`, `${JSON.stringify({ machine, ...result }, (key, v) => (typeof v === "number" ? Math.round(v * 1000) / 1000 : v))}\n`);
  writeFileSync(`${here}${base}.md`, [
    `# ${date}, ${commit}`, "", `${head} Two figures are median / minimum. \`make bench\` writes this file.`, "", report(result, tables),
  ].join("\n"));

  const readme = readFileSync(`${here}README.md`, "utf8");
  const [before, rest] = readme.split("<!-- results -->");
  const after = rest.split("<!-- end of results -->")[1];
  writeFileSync(`${here}README.md`, [
    `${before}<!-- results -->`, "", `[${base}](${base}.md): ${head}`, "",
    "The last columns are our figure divided by the best peer's: below 1 we lead, **bold** we are behind.", "",
    ...groups(result, tables).flatMap((g) => summary(result, g)), ...fixed(result), `<!-- end of results -->${after}`,
  ].join("\n"));
  console.log(`wrote bench/${base}.{json,md} and bench/README.md`);
}
