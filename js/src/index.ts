// The npm package in a browser.

import { browserHost } from "./page/browserhost.ts";
import { OpenHome } from "./page/home.ts";
import type { FreeholdOptions, Home } from "./types.ts";

/** Opens the home of that name on this device. Synchronous: nothing is waited for, nothing is fetched in a server's rendering. */
export const freehold = (o: FreeholdOptions): Home => new OpenHome(browserHost(o), o);

export { FreeholdError, type Code } from "./errors.ts";
export { defineDoc, s } from "./page/schema.ts";
export type * from "./types.ts";
