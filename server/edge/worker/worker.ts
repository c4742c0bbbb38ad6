// The Worker: sockets go straight to their document's object, everything else through the relay's HTTP handler in Go.

import { isDocId } from "../../../js/src/ids.ts";
import { SUBPROTOCOL } from "../../../js/src/wire/wire.ts";
import { DOC, Document, NAME, type Env } from "./document.ts";
import { isAllowed } from "./origin.ts";
import { handle } from "./routes.ts";

export { Document };

export default {
  async fetch(request: Request, env: Env, ctx: ExecutionContext): Promise<Response> {
    const url = new URL(request.url);
    const doc = url.searchParams.get("doc");
    const offered = (request.headers.get("Sec-WebSocket-Protocol") ?? "").split(",").map((p) => p.trim());
    const isSocket = url.pathname === "/v1/socket" && request.headers.get("Upgrade") === "websocket";
    // What is wrong with a handshake the handler says.
    if (!isSocket || !isDocId(doc) || !offered.includes(SUBPROTOCOL) || !isAllowed(request, url, env.ORIGINS)) return handle(request, env, ctx);
    const asked = new Request(request);
    asked.headers.set(DOC, doc);
    asked.headers.set(NAME, url.host);
    return env.DOCUMENTS.get(env.DOCUMENTS.idFromName(doc)).fetch(asked);
  },
} satisfies ExportedHandler<Env>;
