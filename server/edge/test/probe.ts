// The Worker with a look into its objects, for tests alone: /probe?doc=ID&sql=… runs SQL in the document's object and answers with
// the rows, how large its database and the core's linear memory are, and whether an alarm is set.

import worker, { Document as RealDocument } from "../worker/worker.ts";
import { memoryOfCore, type Env } from "../worker/document.ts";

export class Document extends RealDocument {
  override async fetch(request: Request): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname !== "/probe") return super.fetch(request);
    const sql = searchParams.get("sql");
    const rows = sql === null ? [] : this.ctx.storage.sql.exec(sql).toArray();
    return Response.json({ rows, size: this.ctx.storage.sql.databaseSize, memory: memoryOfCore(), alarm: await this.ctx.storage.getAlarm() });
  }
}

export default {
  async fetch(request: Request, env: Env, ctx: ExecutionContext): Promise<Response> {
    const url = new URL(request.url);
    const doc = url.searchParams.get("doc");
    if (url.pathname !== "/probe" || doc === null) return worker.fetch(request, env, ctx);
    return env.DOCUMENTS.get(env.DOCUMENTS.idFromName(doc)).fetch(url);
  },
} satisfies ExportedHandler<Env>;
