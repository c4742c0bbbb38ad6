// Debian's WebKitGTK: MiniBrowser under Xvfb, driven by WebKitWebDriver over plain WebDriver HTTP.
//
// Its automation storage ends with the session, so there is no lasting profile. The current window is state of the session: commands wait
// for each other, and each goes to its page's window first.

import type { ChildProcess } from "node:child_process";
import { existsSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import type { Browser, LaunchOptions, Page, Plain } from "./browser.ts";
import { killTree, printed, start } from "./processes.ts";
import { callExpression, until, waiterOver } from "./script.ts";

const DRIVER = "/usr/bin/WebKitWebDriver", XVFB = "/usr/bin/Xvfb";
const MINIBROWSER = "/usr/lib/x86_64-linux-gnu/webkit2gtk-4.1/MiniBrowser";
const FEATURES = "+StorageAPI,+StorageAPIEstimate,+FileSystem,+FileSystemWritableStream,+AccessHandle";
const ELEMENT = "element-6066-11e4-a52e-4f735466cecf";

/** WebDriver's code points for keys that are no characters. */
const codeByKey: Readonly<Record<string, string>> = {
  Backspace: "\uE003", Tab: "\uE004", Enter: "\uE007", Shift: "\uE008", Control: "\uE009", Alt: "\uE00A", Escape: "\uE00C", Space: " ",
  PageUp: "\uE00E", PageDown: "\uE00F", End: "\uE010", Home: "\uE011", ArrowLeft: "\uE012", ArrowUp: "\uE013", ArrowRight: "\uE014", ArrowDown: "\uE015",
  Delete: "\uE017", Meta: "\uE03D",
};

const keyActions = (keys: readonly string[]): Plain => {
  const codes = keys.map((k) => codeByKey[k] ?? k);
  return [...codes.map((value) => ({ type: "keyDown", value })), ...[...codes].reverse().map((value) => ({ type: "keyUp", value }))];
};

const freeDisplay = async (): Promise<{ readonly child: ChildProcess; readonly display: string }> => {
  // Xvfb picks a free number itself and writes it to the descriptor.
  const child = start(XVFB, ["-displayfd", "1", "-screen", "0", "1600x1200x24", "-nolisten", "tcp"]);
  const [, number] = await printed(child, /(\d+)\n/);
  return { child, display: `:${number}` };
};

/** One that the system gives out: a number of our own may be some connection's. */
const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer().once("error", reject).listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });

export const launchWebkit = async (o: LaunchOptions = {}): Promise<Browser> => {
  if (o.profileDir !== undefined) throw new Error("WebKitGTK's automation has no lasting profile");
  for (const program of [DRIVER, MINIBROWSER, XVFB]) if (!existsSync(program)) throw new Error(`${program} is missing: install Debian's packages webkit2gtk-driver and xvfb`);
  const { width, height } = o.size ?? { width: 1280, height: 800 };
  const xvfb = await freeDisplay();
  const port = await freePort();
  const driver = start(DRIVER, [`--port=${port}`, "--host=127.0.0.1"], {
    env: { ...process.env, DISPLAY: xvfb.display, LIBGL_ALWAYS_SOFTWARE: "1", NO_AT_BRIDGE: "1", WEBKIT_DISABLE_DMABUF_RENDERER: "1" },
  });
  const kill = async (): Promise<void> => {
    await Promise.all([killTree(driver), killTree(xvfb.child)]);
  };

  const send = async <T>(method: "GET" | "POST" | "DELETE", path: string, body?: Plain): Promise<T> => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, method === "POST" ? { method, body: JSON.stringify(body ?? {}), headers: { "Content-Type": "application/json" } } : { method });
    const { value } = (await response.json()) as { value: T & { error?: string; message?: string } };
    if (!response.ok) throw new Error(`WebDriver ${method} ${path}: ${value?.error ?? response.status} ${value?.message ?? ""}`);
    return value;
  };
  try {
    const ended = new Promise<never>((_, reject) => driver.once("exit", (code) => reject(new Error(`WebKitWebDriver ended with ${code}`))));
    await Promise.race([ended, until("WebKitWebDriver answers", 10_000, () => send<{ ready: boolean }>("GET", "/status").then(() => true, () => false))]);
  } catch (e) {
    await kill();
    throw e;
  }
  const { sessionId, capabilities } = await send<{ sessionId: string; capabilities: { browserVersion: string } }>("POST", "/session", {
    capabilities: { alwaysMatch: { timeouts: { script: 600_000 }, "webkitgtk:browserOptions": { binary: MINIBROWSER, args: ["--automation", `--features=${FEATURES}`] } } },
  });
  const base = `/session/${sessionId}`;

  let queue: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(run: () => Promise<T>): Promise<T> => {
    const turn = queue.then(run);
    queue = turn.catch(() => undefined);
    return turn;
  };

  const pageIn = (window: string): Page => {
    const inWindow = <T>(run: () => Promise<T>): Promise<T> =>
      inTurn(async () => {
        await send("POST", `${base}/window`, { handle: window });
        return run();
      });
    const evaluate = async <A extends readonly Plain[], T>(run: (...args: A) => T | Promise<T>, ...args: A): Promise<T> => {
      const script = `const done = arguments[arguments.length - 1]; ${callExpression(run, args)}.then((value) => done({ value }), (e) => done({ error: String(e && e.stack || e) + " " + String(e) }));`;
      const result = await inWindow(() => send<{ value?: string; error?: string }>("POST", `${base}/execute/async`, { script, args: [] }));
      if (result.value === undefined) throw new Error(result.error);
      return JSON.parse(result.value) as T;
    };
    const actions = (list: readonly Plain[]): Promise<unknown> => inWindow(() => send("POST", `${base}/actions`, { actions: [{ type: "key", id: "keyboard", actions: list }] }));
    return {
      goto: async (url) => void (await inWindow(() => send("POST", `${base}/url`, { url }))),
      reload: async () => void (await inWindow(() => send("POST", `${base}/refresh`))),
      url: () => inWindow(() => send<string>("GET", `${base}/url`)),
      evaluate,
      waitFor: waiterOver(evaluate),
      click: (selector) =>
        inWindow(async () => {
          const element = await send<Record<string, string>>("POST", `${base}/element`, { using: "css selector", value: selector });
          await send("POST", `${base}/element/${element[ELEMENT]}/click`);
        }),
      type: async (text) => void (await actions([...text].flatMap((c) => keyActions([c]) as Plain[]))),
      press: async (key) => void (await actions(keyActions(key.split("+")) as Plain[])),
      resize: async (w, h) => void (await inWindow(() => send("POST", `${base}/window/rect`, { width: w, height: h }))),
      screenshot: () => Promise.reject(new Error("WebKitGTK's driver hangs on screenshots")),
      close: async () => void (await inWindow(() => send("DELETE", `${base}/window`))),
    };
  };

  let firstIsFree = true;
  return {
    engine: "webkit",
    version: capabilities.browserVersion,
    newPage: async () => {
      const handle = firstIsFree
        ? await send<string>("GET", `${base}/window`)
        : (await inTurn(() => send<{ handle: string }>("POST", `${base}/window/new`, { type: "tab" }))).handle;
      firstIsFree = false;
      const page = pageIn(handle);
      await page.resize(width, height);
      return page;
    },
    close: async () => {
      await inTurn(() => send("DELETE", base)).catch(() => undefined);
      await kill();
    },
    kill,
  };
};
