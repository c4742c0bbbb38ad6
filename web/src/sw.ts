// The service worker of the app: opens it by URL with the server stopped.
//
// - A version is the list SHELL, made by build.mjs: every file with its SHA-256. It is installed whole or not at all:
//   each file is fetched past the HTTP cache and checked against its hash before anything of it is kept.
// - Only complete 200 answers of our own origin are kept: no errors, redirects or opaque answers, and nothing at run time.
// - The old version serves until the person agrees to the new one (update.ts), or no page uses it any more.
// - sw-kill.ts is the way out, should a version ever misbehave.

import type { Activate } from "./update.ts";

declare const self: ServiceWorkerGlobalScope;
/** Set by build.mjs. */
declare const SHELL: readonly { readonly path: string; readonly sha256: string }[];
declare const SHELL_VERSION: string;

const PREFIX = "freehold-shell-";
const CACHE = PREFIX + SHELL_VERSION;

const urlOf = (path: string): string => new URL(path, self.registration.scope).href;
const shellUrls: ReadonlySet<string> = new Set(SHELL.map(({ path }) => urlOf(path)));

const sha256 = async (bytes: ArrayBuffer): Promise<string> =>
  btoa(String.fromCharCode(...new Uint8Array(await crypto.subtle.digest("SHA-256", bytes))));

/** The file of an older version when it is the same one, so that an update fetches only what changed. */
const kept = async (url: string, hash: string): Promise<Response | null> => {
  const response = await caches.match(url);
  return response !== undefined && await sha256(await response.clone().arrayBuffer()) === hash ? response : null;
};

const fetched = async (url: string, hash: string): Promise<Response> => {
  const response = await fetch(url, { cache: "no-store", redirect: "error", credentials: "same-origin", integrity: `sha256-${hash}` });
  if (response.status !== 200 || response.type !== "basic" || response.redirected) throw new Error(`${url}: not a plain answer (${response.status})`);
  return response;
};

const install = async (): Promise<void> => {
  // All are verified before the first is stored; addAll-like atomicity comes from the throw.
  const files = await Promise.all(SHELL.map(async ({ path, sha256: hash }) => {
    const url = urlOf(path);
    return [url, await kept(url, hash) ?? await fetched(url, hash)] as const;
  }));
  const cache = await caches.open(CACHE);
  await Promise.all(files.map(([url, response]) => cache.put(url, response)));
};

const activate = async (): Promise<void> => {
  for (const name of await caches.keys()) if (name.startsWith(PREFIX) && name !== CACHE) await caches.delete(name);
  await self.clients.claim();
};

const answer = async (url: string, request: Request): Promise<Response> => {
  const response = await (await caches.open(CACHE)).match(url);
  // The browser may clear caches under pressure while the worker lives on: then the network is all there is.
  return response ?? fetch(request);
};

self.addEventListener("install", (event) => event.waitUntil(install()));
self.addEventListener("activate", (event) => event.waitUntil(activate()));
self.addEventListener("message", (event) => {
  if ((event.data as Activate | null)?.type === "activate") event.waitUntil(self.skipWaiting());
});
self.addEventListener("fetch", (event) => {
  if (event.request.method !== "GET") return;
  const url = new URL(event.request.url);
  if (url.origin !== self.location.origin) return;
  url.search = url.hash = "";
  if (event.request.mode === "navigate" && url.pathname.endsWith("/index.html")) url.pathname = url.pathname.slice(0, -"index.html".length);
  if (shellUrls.has(url.href)) event.respondWith(answer(url.href, event.request));
});
