// A relay is not gone because a socket opens, changes tabs or hiccups: it is gone when it was away for a while.

import type { Status } from "freehold";

const PATIENCE_MS = 900;

export interface Patience {
  /** The status as it may be told: `offline` reads `connecting` until it lasted. */
  told(status: Status): Status;
  /** Another note: start over. */
  reset(): void;
}

/** `lasted` is called when an absence has lasted, so that it can be told. */
export const patience = (lasted: () => void): Patience => {
  let timer = 0, away = false;
  const reset = (): void => {
    clearTimeout(timer);
    timer = 0;
    away = false;
  };
  return {
    told(status) {
      if (status.relay === "live" || status.relay === "none") reset();
      else if (timer === 0) timer = window.setTimeout(() => { away = true; lasted(); }, PATIENCE_MS);
      if (status.relay !== "offline" || away) return status;
      return { ...status, relay: "connecting" };
    },
    reset,
  };
};
