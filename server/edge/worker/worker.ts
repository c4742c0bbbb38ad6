// The Worker: sockets go straight to their document's object, everything else through the relay's HTTP handler in Go.

import { env as numbers } from "cloudflare:workers";
import { isDocId } from "../../../js/src/ids.ts";
import { ONE_EACH } from "../../../js/src/wire/socket.ts";
import { SUBPROTOCOL } from "../../../js/src/wire/wire.ts";
import { DOC, Document, NAME, type Env } from "./document.ts";
import { isAllowed } from "./origin.ts";
import { handle } from "./routes.ts";
import { settings, type Numbers } from "./settings.ts";

export { Document };

// Wrong ones are found before anything is served.
settings(numbers as Numbers);

export default {
  async fetch(request: Request, env: Env, ctx: ExecutionContext): Promise<Response> {
    const url = new URL(request.url);
    const doc = url.searchParams.get("doc");
    const offered = (request.headers.get("Sec-WebSocket-Protocol") ?? "").split(",").map((p) => p.trim());
    const isSocket = url.pathname === "/v1/socket" && request.headers.get("Upgrade") === "websocket";
    // What is wrong with a handshake the handler says.
    if (!isSocket || !offered.includes(SUBPROTOCOL) || !isAllowed(request, url, env.ORIGINS)) return handle(request, env, ctx);
    if (doc === null) return oneEach();
    if (!isDocId(doc)) return handle(request, env, ctx);
    const asked = new Request(request);
    asked.headers.set(DOC, doc);
    asked.headers.set(NAME, url.host);
    return env.DOCUMENTS.get(env.DOCUMENTS.idFromName(doc)).fetch(asked);
  },
} satisfies ExportedHandler<Env>;

/** Tells who wants one socket for all documents to open one for each. A page sees nothing of a refused handshake, but it sees this. */
const oneEach = (): Response => {
  const { 0: client, 1: server } = new WebSocketPair();
  server.accept();
  server.close(ONE_EACH, "one socket for each document");
  return new Response(null, { status: 101, webSocket: client, headers: { "Sec-WebSocket-Protocol": SUBPROTOCOL } });
};
