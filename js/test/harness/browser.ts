// One small interface over three browsers. `launch` starts the real program from Debian's packages; `kill` is SIGKILL to all of it.

import { launchChromium } from "./chromium.ts";
import { launchFirefox } from "./firefox.ts";
import { launchWebkit } from "./webkit.ts";

export type Engine = "chromium" | "firefox" | "webkit";

export interface LaunchOptions {
  /** Kept between launches. WebKitGTK's automation has no lasting profile and refuses one. Absent: a temporary one, removed at the end. */
  readonly profileDir?: string;
  /** CSS pixels of the page; 1280×800 when absent. */
  readonly size?: { readonly width: number; readonly height: number };
}

/** What a function run in the page may take and give: it crosses as JSON. */
export type Plain = null | boolean | number | string | readonly Plain[] | { readonly [key: string]: Plain | undefined };

export interface Page {
  goto(url: string): Promise<void>;
  reload(): Promise<void>;
  url(): Promise<string>;
  /**
   * Runs a function in the page and awaits what it returns. It sees nothing of its surroundings here; pass what it needs. `undefined` comes
   * back as null. Works under any CSP.
   */
  evaluate<A extends readonly Plain[], T>(run: (...args: A) => T | Promise<T>, ...args: A): Promise<T>;
  /** Asks again every 20 ms until the function gives something true, and returns that; rejects after `timeout` ms (10,000), naming `what`. */
  waitFor<A extends readonly Plain[], T>(what: string, run: (...args: A) => T | Promise<T>, o?: { readonly timeout?: number; readonly args?: A }): Promise<T>;
  /** Real input, to the middle of the first match. */
  click(selector: string): Promise<void>;
  /** Real key presses, one per character, to what has the focus. */
  type(text: string): Promise<void>;
  /** One key by its name (`Enter`, `Tab`, `ArrowDown`), with modifiers before it (`Control+A`). */
  press(key: string): Promise<void>;
  resize(width: number, height: number): Promise<void>;
  /** PNG of the view. WebKitGTK's driver hangs on it, so there it rejects at once. */
  screenshot(): Promise<Uint8Array>;
  close(): Promise<void>;
}

export interface Browser {
  readonly engine: Engine;
  readonly version: string;
  newPage(): Promise<Page>;
  /** Ends politely: everything is written. */
  close(): Promise<void>;
  /** SIGKILL to the whole tree; resolves when nothing of it is left. Calls that are under way reject. */
  kill(): Promise<void>;
}

export const launch = (engine: Engine, o: LaunchOptions = {}): Promise<Browser> => {
  switch (engine) {
    case "chromium":
      return launchChromium(o);
    case "firefox":
      return launchFirefox(o);
    case "webkit":
      return launchWebkit(o);
  }
};
