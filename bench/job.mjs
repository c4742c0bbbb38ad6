// One measurement in a process of its own: node --expose-gc job.mjs <table> <case> <library> <stage> <directory>.
// Prints "begin" and "end" around what is measured and then the figures as a line of JSON.
import { nodeContext } from "./context.mjs";
import { stage } from "./stage.mjs";

const [tableName, caseId, library, stageName, directory] = process.argv.slice(2);
const context = nodeContext({ directory, label: library, tell: (word) => console.log(word) });
const table = await import(`./tables/${tableName}.mjs`);
const figures = await stage(table, caseId, stageName, () => import(`./adapters/${library}.mjs`), context);
console.log(JSON.stringify(figures));
process.exit(0);
