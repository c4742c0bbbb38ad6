// A static server that tests can pull the plug on: `stop` destroys its sockets, which is the one way to be offline that pages, workers
// and service workers of every browser notice. `start` brings it back on the same port.

import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { extname, join, normalize } from "node:path";

/** What the app shell is served with in production. */
export const CSP = [
  "default-src 'none'", "script-src 'self' 'wasm-unsafe-eval'", "worker-src 'self'",
  "connect-src 'self' https: wss: http://localhost:* ws://localhost:* http://127.0.0.1:* ws://127.0.0.1:*",
  "img-src 'self' blob: data:", "style-src 'self'", "font-src 'self'", "manifest-src 'self'", "base-uri 'none'", "form-action 'none'",
  "frame-ancestors 'none'", "require-trusted-types-for 'script'",
].join("; ");

const headers: Readonly<Record<string, string>> = {
  "Content-Security-Policy": CSP,
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Resource-Policy": "same-origin",
  "X-Content-Type-Options": "nosniff",
  "Referrer-Policy": "no-referrer",
  "Cache-Control": "no-cache",
};

const typeByExtension: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".mjs": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8",
  ".json": "application/json", ".map": "application/json", ".wasm": "application/wasm", ".svg": "image/svg+xml", ".png": "image/png",
  ".webmanifest": "application/manifest+json", ".gz": "application/gzip", ".txt": "text/plain; charset=utf-8",
};
const typeOf = (path: string): string => typeByExtension[extname(path)] ?? "application/octet-stream";

export interface ServeOptions {
  /** Served under `/`, `index.html` for a directory. */
  readonly root?: string;
  /** Served from memory by exact path; goes before `root`. */
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
  /** 0 picks a free one. */
  readonly port?: number;
  /** Changes or (with "") removes a header. */
  readonly headers?: Readonly<Record<string, string>>;
}

export interface StaticServer {
  /** `http://127.0.0.1:<port>`, without a slash at its end. */
  readonly url: string;
  start(): Promise<void>;
  stop(): Promise<void>;
}

export const serve = async (o: ServeOptions): Promise<StaticServer> => {
  const sockets = new Set<Socket>();
  const all = Object.entries({ ...headers, ...o.headers }).filter(([, value]) => value !== "");
  let port = o.port ?? 0;
  let server: Server | null = null;

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const path = normalize(decodeURIComponent(new URL(request.url ?? "/", "http://x").pathname));
    for (const [name, value] of all) response.setHeader(name, value);
    const inMemory = o.files?.[path] ?? (path.endsWith("/") ? o.files?.[`${path}index.html`] : undefined);
    if (inMemory !== undefined) {
      response.setHeader("Content-Type", typeOf(path.endsWith("/") ? "index.html" : path));
      response.end(inMemory);
      return;
    }
    const file = o.root === undefined ? null : join(o.root, path.endsWith("/") ? `${path}index.html` : path);
    const found = file === null ? null : await stat(file).catch(() => null);
    if (file === null || !found?.isFile()) {
      response.statusCode = 404;
      response.end();
      return;
    }
    response.setHeader("Content-Type", typeOf(file));
    createReadStream(file).pipe(response);
  };

  const start = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const s = createServer((request, response) => void answer(request, response));
      s.on("connection", (socket) => {
        sockets.add(socket);
        socket.once("close", () => sockets.delete(socket));
      });
      s.once("error", reject);
      s.listen(port, "127.0.0.1", () => {
        server = s;
        port = (s.address() as AddressInfo).port;
        resolve();
      });
    });
  const stop = async (): Promise<void> => {
    const s = server;
    server = null;
    if (s === null) return;
    const closed = new Promise((resolve) => s.close(resolve));
    for (const socket of sockets) socket.destroy();
    await closed;
  };

  await start();
  return { url: `http://127.0.0.1:${port}`, start, stop };
};
