// Failures of a device store: a code, what happened, and what the person can do about it.

import { FreeholdError } from "../errors.ts";
import type { StoreCode, StoreErrorShape } from "./store.ts";

const hints: Record<StoreCode, string> = {
  quota: "Free some space on this device, or allow this site to store more. What you type stays in memory and is tried again.",
  "storage-lost": "What was stored on this device cannot be reached any more. Keep this open until another device or the relay has your newest edits.",
  evicted: "The browser removed this site's data. Install the app or allow persistent storage, so that it does not do so again.",
  blocked: "Close other tabs of this app, or the other process, then try again.",
  "newer-format": "A newer version of this app has written here. Reload to get that version; nothing was changed.",
};

export class StoreError extends FreeholdError implements StoreErrorShape {
  declare readonly code: StoreCode;
  constructor(code: StoreCode, message: string, cause?: unknown) {
    super(code, message, hints[code], cause === undefined ? {} : { cause });
  }
}

/** Any thrown thing as a StoreError; what is not one yet becomes `storage-lost`, with itself as the cause. */
export const toStoreError = (e: unknown, doing: string): StoreError =>
  e instanceof StoreError ? e : new StoreError("storage-lost", `${doing}: ${e instanceof Error ? e.message : String(e)}`, e);
