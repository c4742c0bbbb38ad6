// The service worker: registered for opening the app with nothing on the other end, updated only when the person agrees.

/** Must match sw.ts. */
export interface Activate {
  readonly type: "activate";
}

interface ScriptPolicy {
  createScriptURL(url: string): string;
}
interface TrustedTypes {
  createPolicy(name: string, rules: { createScriptURL(url: string): string }): ScriptPolicy;
}

const WORKER = "./sw.js";

/** With Trusted Types on, only a policy makes the address of a worker; ours makes exactly one. */
const workerUrl = (): string => {
  const types = (globalThis as { trustedTypes?: TrustedTypes }).trustedTypes;
  if (types === undefined) return WORKER;
  return types.createPolicy("freehold-notes", { createScriptURL: (url) => { if (url === WORKER) return url; throw new TypeError("not our worker"); } }).createScriptURL(WORKER);
};

/**
 * Registers the worker. `offer` is called when a new version is whole and verified on this device; it is given the way to
 * start it, which reloads the page. Without service workers (a LAN address over plain HTTP) nothing happens.
 */
export const keepShell = async (offer: (accept: () => void) => void): Promise<void> => {
  if (!("serviceWorker" in navigator)) return;
  const controlled = navigator.serviceWorker.controller !== null;
  let accepted = false;
  navigator.serviceWorker.addEventListener("controllerchange", () => { if (accepted) location.reload(); });

  const registration = await navigator.serviceWorker.register(workerUrl(), { updateViaCache: "none" });
  const propose = (worker: ServiceWorker): void => offer(() => {
    accepted = true;
    worker.postMessage({ type: "activate" } satisfies Activate);
  });
  if (registration.waiting !== null && controlled) propose(registration.waiting);
  registration.addEventListener("updatefound", () => {
    const worker = registration.installing;
    worker?.addEventListener("statechange", () => {
      if (worker.state === "installed" && navigator.serviceWorker.controller !== null) propose(worker);
    });
  });
  // A tab that stays open for days asks when it is looked at again.
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") registration.update().catch(() => { /* no network: the next look asks again */ });
  });
};
