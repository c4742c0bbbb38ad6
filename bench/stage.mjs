/** One stage of a case with one library; `load` imports its adapter. Gives the figures. */
export async function stage(table, caseId, stageName, load, context) {
  let adapter;
  context.started = await context.measure(async () => {
    adapter = await load();
    await adapter.ready?.(context);
  });
  const c = table.cases.find((c) => c.id === caseId);
  const { result, ...figures } = await table.stages.find((s) => s.name === stageName).run(adapter, c, context);
  await adapter.shut?.();
  return figures;
}
