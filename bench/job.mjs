// One measurement in a process of its own: node --expose-gc job.mjs <table> <case> <library> <stage> <directory>.
// Prints "begin" and "end" around what is measured and then the figures as a line of JSON.
import { nodeContext } from "./context.mjs";

const [tableName, caseId, library, stageName, directory] = process.argv.slice(2);
const context = nodeContext({ directory, label: library, tell: (word) => console.log(word) });
const table = await import(`./tables/${tableName}.mjs`);
const c = table.cases.find((c) => c.id === caseId);
let adapter;
context.started = await context.measure(async () => {
  adapter = await import(`./adapters/${library}.mjs`);
  await adapter.ready?.(context);
});
const { result, ...metrics } = await table.stages.find((s) => s.name === stageName).run(adapter, c, context);
await adapter.shut?.();
console.log(JSON.stringify(metrics));
process.exit(0);
