// The Worker with a look into its objects, for tests alone. /probe?doc=ID&sql=… runs SQL in the document's object and answers with the
// rows, how large its database is, what is known of the core, and whether an alarm is set. With &alarm it rings first, and what
// &fault names of the bucket fails meanwhile, before or after it is done; without one, later. The fault "keep" is, once,
// of what is kept for a socket: the core falls, at the end of a turn. /bucket tells what is stored away.

import worker, { Document as RealDocument } from "../worker/worker.ts";
import { core, type Env } from "../worker/document.ts";

let fault: string | null = null;

const faulty = (bucket: R2Bucket): R2Bucket =>
  new Proxy(bucket, {
    get: (_, name: "put" | "get" | "delete") => async (...args: never[]) => {
      if (fault === `before ${name}`) throw new Error(fault);
      const result: unknown = await (bucket[name] as (...args: never[]) => Promise<unknown>)(...args);
      if (fault === `after ${name}`) throw new Error(fault);
      return result;
    },
  });

const keep = WebSocket.prototype.serializeAttachment;
WebSocket.prototype.serializeAttachment = function (state) {
  if (fault === "keep") {
    fault = null;
    throw new Error("fault: keep");
  }
  keep.call(this, state);
};

export class Document extends RealDocument {
  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env.SNAPSHOTS === undefined ? env : { ...env, SNAPSHOTS: faulty(env.SNAPSHOTS) });
  }

  override async fetch(request: Request): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname !== "/probe") return super.fetch(request);
    fault = searchParams.get("fault");
    if (searchParams.has("alarm")) {
      // As with the runtime's own: none is set while it rings.
      await this.ctx.storage.deleteAlarm();
      await this.alarm();
      fault = null;
    }
    const sql = searchParams.get("sql") ?? "";
    const rows = sql === "" ? [] : this.ctx.storage.sql.exec(sql).toArray();
    return Response.json({ rows, size: this.ctx.storage.sql.databaseSize, ...core(), alarm: await this.ctx.storage.getAlarm() });
  }
}

export default {
  async fetch(request: Request, env: Env, ctx: ExecutionContext): Promise<Response> {
    const url = new URL(request.url);
    if (url.pathname === "/bucket") return Response.json((await env.SNAPSHOTS!.list()).objects.map(({ key, size }) => ({ key, size })));
    const doc = url.searchParams.get("doc");
    if (url.pathname !== "/probe" || doc === null) return worker.fetch(request, env, ctx);
    return env.DOCUMENTS.get(env.DOCUMENTS.idFromName(doc)).fetch(url);
  },
} satisfies ExportedHandler<Env>;
