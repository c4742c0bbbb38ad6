// The way out. Put in the place of sw.js on the server, it removes the app's service worker and its caches from every browser
// that comes by, at its next update check. Notes are not in those caches and are not touched.

declare const self: ServiceWorkerGlobalScope;

const leave = async (): Promise<void> => {
  for (const name of await caches.keys()) if (name.startsWith("freehold-shell-")) await caches.delete(name);
  await self.registration.unregister();
  // Pages of the old worker only: one that registers this one again, as any visit does, is not sent round in circles.
  for (const client of await self.clients.matchAll({ type: "window" })) await (client as WindowClient).navigate(client.url);
};

self.addEventListener("install", () => void self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(leave()));

export {}; // a module, so that its `self` is its own
