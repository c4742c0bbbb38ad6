// Functions as source text for the page.

import type { Page, Plain } from "./browser.ts";

// esbuild marks function names with a helper that does not exist over there.
const HELPER = "const __name = (f) => f;";

/** An expression whose value is a promise of the function's result as JSON text. */
export const callExpression = (run: (...args: never[]) => unknown, args: readonly Plain[]): string =>
  `(async () => { ${HELPER} return JSON.stringify((await (${run.toString()})(...${JSON.stringify(args)})) ?? null); })()`;

/** Polls `ask` until it gives something true. */
export const until = async <T>(what: string, timeout: number, ask: () => Promise<T>): Promise<T> => {
  const end = performance.now() + timeout;
  for (;;) {
    const value = await ask();
    if (value) return value;
    if (performance.now() > end) throw new Error(`${what}: not within ${timeout} ms`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
};

/** `waitFor` over a page's `evaluate`. */
export const waiterOver = (evaluate: Page["evaluate"]): Page["waitFor"] => <A extends readonly Plain[], T>(what: string, run: (...args: A) => T | Promise<T>, o: { readonly timeout?: number; readonly args?: A } = {}) =>
  until(what, o.timeout ?? 10_000, () => evaluate(run, ...(o.args ?? ([] as unknown as A))));
