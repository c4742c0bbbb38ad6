// What only a document's owner may tell a relay, over plain HTTP (docs/PROTOCOL.md §5): to delete it, and as which document it goes on.

import { FreeholdError } from "../errors.ts";
import type { DocId } from "../protocol.ts";
import { decodeFrame, type RelayError } from "./wire.ts";

export interface Statement {
  readonly what: "delete" | "successor";
  readonly doc: DocId;
  readonly statement: Uint8Array;
}

/** The name by which statements mean this relay: its host, with a port where it is not the scheme's own. */
export const nameOf = (relay: string): string => new URL(relay).host;

/** The request that brings it. */
export const requestOf = (relay: string, { what, doc, statement }: Statement): readonly [URL, RequestInit & { readonly body: Uint8Array<ArrayBuffer> }] => {
  const path = `/v1/docs/${doc}${what === "delete" ? "" : "/successor"}`;
  return [new URL(path, relay.replace(/^ws/, "http")), { method: what === "delete" ? "DELETE" : "PUT", body: statement.slice() }];
};

/**
 * Resolves when the relay has it on its disk; a document that the relay deleted before, or never had, is deleted there.
 * FreeholdError("relay-refused") otherwise; one that could not be reached may have done it all the same.
 */
export const deleteFrom = async (fetch: typeof globalThis.fetch, relay: string, doc: DocId, statement: Uint8Array): Promise<void> => {
  const name = nameOf(relay);
  let response: Response, body: Uint8Array;
  try {
    response = await fetch(...requestOf(relay, { what: "delete", doc, statement }));
    body = new Uint8Array(await response.arrayBuffer());
  } catch (cause) {
    throw new FreeholdError("relay-refused", `The relay ${name} cannot be reached.`, "Try again when this device is online.", { doc, cause });
  }
  const refusal = response.ok ? null : refusalIn(body);
  if (refusal === null ? response.ok : refusal.code === "gone" || refusal.code === "no-room") return;
  throw new FreeholdError("relay-refused", refusal === null ? `The relay ${name} answered ${response.status}.` : refusal.message, refusal === null ? "Check its address; nothing was changed there." : refusal.hint, { doc });
};

const refusalIn = (body: Uint8Array): RelayError | null => {
  try {
    const frame = decodeFrame(body);
    return frame.type === "error" ? frame : null;
  } catch {
    return null; // no relay of this protocol
  }
};
