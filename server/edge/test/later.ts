// The Worker whose clock a test moves, and whose objects let go of what they may when they are asked to: for tests alone.

const now = Date.now.bind(Date);
let ahead = 0;
Date.now = () => now() + ahead;

import worker, { Document as RealDocument } from "../worker/worker.ts";
import { DOC, type Env } from "../worker/document.ts";

export class Document extends RealDocument {
  override async fetch(request: Request): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname !== "/alarm") return super.fetch(request);
    for (const days of searchParams.getAll("after")) {
      ahead += Number(days) * 24 * 60 * 60 * 1000;
      await this.alarm();
    }
    return new Response(String((await this.ctx.storage.getAlarm())! - Date.now()));
  }
}

export default {
  async fetch(request: Request, env: Env, ctx: ExecutionContext): Promise<Response> {
    const url = new URL(request.url);
    const doc = url.searchParams.get("doc");
    if (url.pathname !== "/alarm" || doc === null) return worker.fetch(request, env, ctx);
    return env.DOCUMENTS.get(env.DOCUMENTS.idFromName(doc)).fetch(url, { headers: { [DOC]: doc } });
  },
} satisfies ExportedHandler<Env>;
