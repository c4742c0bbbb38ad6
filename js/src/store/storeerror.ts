// Failures of a device store: a code, what happened, and what the person can do about it.

import { FreeholdError } from "../errors.ts";
import type { StoreCode, StoreErrorShape } from "./store.ts";

export const storeHints: Readonly<Record<StoreCode, string>> = {
  quota: "Free some space, or download a copy. What you type stays in memory and is tried again.",
  "storage-lost": "Keep this open until the relay or another device has your newest edits, or download a copy.",
  evicted: "Install the app or allow persistent storage, so that it does not do so again.",
  blocked: "Close other tabs of this app, or the other process, then try again.",
  "newer-format": "Reload to get that version; nothing was changed.",
};

export class StoreError extends FreeholdError implements StoreErrorShape {
  declare readonly code: StoreCode;
  constructor(code: StoreCode, message: string, cause?: unknown) {
    super(code, message, storeHints[code], cause === undefined ? {} : { cause });
  }
}

/** Any thrown thing as a StoreError; what is not one yet becomes `storage-lost`, with itself as the cause. */
export const toStoreError = (e: unknown, doing: string): StoreError =>
  e instanceof StoreError ? e : new StoreError("storage-lost", `${doing}: ${e instanceof Error ? e.message : String(e)}`, e);
