// The browser: a dedicated worker runs the vault; where none can start, the same module runs in the page.

import { loadModule } from "../core/load.ts";
import { FreeholdError } from "../errors.ts";
import { CORE_WANTED, type CoreGiven, type FromVault, type Port, type Problem, type ToVault } from "../protocol.ts";
import type { FreeholdOptions } from "../types.ts";
import type { Host } from "./host.ts";

/** What `./vault.js` exports for a page that has no worker. */
interface VaultModule {
  readonly startInPage: (loadModule: () => Promise<WebAssembly.Module>) => Port<ToVault, FromVault>;
}

/** The longest time that a page is taken to be busy, in milliseconds. */
const BUSY = 2_000;

interface TrustedTypes {
  createPolicy(name: string, rules: { createScriptURL: (url: string) => string }): { createScriptURL(url: string): string };
}
let policy: { createScriptURL(url: string): string } | undefined;
const allowed = new Set<string>();

/** Under `require-trusted-types-for 'script'` a worker needs a URL from a policy; this one, named `freehold`, passes no other. */
const trusted = (url: URL): URL => {
  const types = (globalThis as { trustedTypes?: TrustedTypes }).trustedTypes;
  if (types === undefined) return url;
  policy ??= types.createPolicy("freehold", {
    createScriptURL: (u) => {
      if (!allowed.has(u)) throw new TypeError(`freehold's policy does not allow ${u}`);
      return u;
    },
  });
  allowed.add(url.href);
  // Typed as string by TypeScript, an object in fact: the constructor takes it as it is.
  return policy.createScriptURL(url.href) as unknown as URL;
};

const give = (worker: Worker): Promise<void> =>
  loadModule().then(
    (core) => worker.postMessage({ core } satisfies CoreGiven),
    ({ code, message, hint }: FreeholdError) => worker.postMessage({ failed: { code, message, hint } } satisfies CoreGiven),
  );

/** A script that cannot be loaded is told by an event, not an exception, and before the worker's first message. */
const workerPort = (worker: Worker, failed: () => Promise<Port<ToVault, FromVault>>): Port<ToVault, FromVault> => {
  let heard = false;
  let receive: (m: FromVault) => void = () => {};
  let instead: Promise<Port<ToVault, FromVault>> | null = null;
  /** Sent before the first answer: what the fallback must hear again. */
  const asked: ToVault[] = [];
  worker.onmessage = ({ data }: MessageEvent<FromVault | typeof CORE_WANTED>) => {
    heard = true;
    asked.length = 0;
    if (data === CORE_WANTED) void give(worker);
    else receive(data);
  };
  worker.onerror = (e) => {
    if (heard || instead !== null) return; // an error inside a running vault is its own to report
    e.preventDefault();
    instead = failed().catch((error: FreeholdError) => nobody(error));
    void instead.then((port) => {
      port.listen(receive);
      for (const m of asked) port.post(m);
    });
    worker.terminate();
  };
  return {
    post(message, transfer) {
      if (instead !== null) {
        void instead.then((port) => port.post(message, transfer));
        return;
      }
      // Only `start` is asked before the first answer, and it transfers nothing.
      if (!heard) asked.push(message);
      worker.postMessage(message, transfer ?? []);
    },
    listen(f) {
      receive = f;
    },
    close() {
      if (instead === null) worker.terminate();
      else void instead.then((port) => port.close());
    },
  };
};

/** In the place of a vault that there is none of: every request is answered with why. */
const nobody = ({ code, message, hint }: FreeholdError): Port<ToVault, FromVault> => {
  let receive: (m: FromVault) => void = () => {};
  return {
    post: ({ id }) => receive({ kind: "error", id, problem: { code, message, hint } }),
    listen: (f) => { receive = f; },
    close() {},
  };
};

const FILES = "put vault.js of the package beside your script, or say where it is: freehold({ workerUrl }) (its README, \"Bundlers\")";

/** The same module in this thread. Where it cannot use the best store, that is said: it is almost always a file that was not deployed. */
const inPage = async (where: URL): Promise<Port<ToVault, FromVault>> => {
  let vault: VaultModule;
  try {
    // @ts-expect-error build.mjs lays vault.js beside the bundle and leaves this specifier as it is, for other bundlers to follow.
    vault = (await import("./vault.js")) as VaultModule;
  } catch (cause) {
    throw new FreeholdError("not-ready", `the script of the vault is not at ${where.href}`, FILES, { cause });
  }
  const port = vault.startInPage(loadModule);
  const problem: Problem = { code: "not-ready", message: `no worker starts from ${where.href}: what is stored here has one copy, and long work holds up the page`, hint: FILES };
  return {
    ...port,
    listen(receive) {
      port.listen(receive);
      receive({ kind: "problem", problem });
    },
  };
};

export const browserHost = (o: FreeholdOptions): Host => ({
  eager: typeof document !== "undefined",
  loadModule,
  async connect() {
    const where = new URL(o.workerUrl ?? new URL("./vault.js", import.meta.url), location.href);
    let worker: Worker;
    try {
      // Written out because bundlers look for exactly this form.
      worker =
        o.workerUrl === undefined && (globalThis as { trustedTypes?: TrustedTypes }).trustedTypes === undefined
          ? new Worker(new URL("./vault.js", import.meta.url), { type: "module" })
          : new Worker(trusted(where), { type: "module" });
    } catch {
      return inPage(where); // a policy or the browser forbids workers
    }
    return workerPort(worker, () => inPage(where));
  },
  // Without the query: what it says about this visit is nobody else's.
  linkBase: () => `${location.origin}${location.pathname}`,
  whenIdle(f) {
    if (typeof requestIdleCallback === "function") requestIdleCallback(() => f(), { timeout: BUSY });
    else setTimeout(f, BUSY / 4); // WebKit has none
  },
  onHide(f) {
    if (typeof document === "undefined") return;
    addEventListener("pagehide", () => f(true));
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "hidden") f(false);
    });
  },
});
