// The npm package in Node: the same API, a directory as the store.

import { OpenHome } from "./page/home.ts";
import { nodeHost, type NodeOptions } from "./page/nodehost.ts";
import type { Home } from "./types.ts";

/** Opens the home of that name in `directory`. Nothing is read or written before it is asked for something. */
export const freehold = (o: NodeOptions): Home => new OpenHome(nodeHost(o), o);

export { FreeholdError, type Code } from "./errors.ts";
export { defineDoc, s } from "./page/schema.ts";
export type { NodeOptions } from "./page/nodehost.ts";
export type * from "./types.ts";
