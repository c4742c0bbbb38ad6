// The Worker: sockets go straight to their document's object, everything else through the relay's HTTP routes in Go.

import { fromBase32 } from "../../../js/src/ids.ts";
import { SUBPROTOCOL } from "../../../js/src/wire/wire.ts";
import { DOC, Document, NAME, type Env } from "./document.ts";

export { Document };

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    const url = new URL(request.url);
    if (url.pathname === "/v1/socket") return upgrade(request, url, env);
    return new Response("not yet", { status: 404 });
  },
} satisfies ExportedHandler<Env>;

const upgrade = (request: Request, url: URL, env: Env): Promise<Response> | Response => {
  const doc = url.searchParams.get("doc") ?? "";
  if (fromBase32(doc)?.length !== 20) {
    return new Response("which document? /v1/socket?doc=ID", { status: 400 });
  }
  if (request.headers.get("Upgrade") !== "websocket") return new Response("no WebSocket", { status: 426 });
  const speaks = (request.headers.get("Sec-WebSocket-Protocol") ?? "").split(",").some((p) => p.trim() === SUBPROTOCOL);
  if (!speaks) return new Response("another language", { status: 400 });
  const asked = new Request(request);
  asked.headers.set(DOC, doc);
  asked.headers.set(NAME, url.host);
  return env.DOCUMENTS.get(env.DOCUMENTS.idFromName(doc)).fetch(asked);
};
