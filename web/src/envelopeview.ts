// One envelope as the relay sees it: what it can tell, then the bytes.

import { el } from "./dom.ts";
import { hex } from "./hex.ts";

/** The public header of an envelope, in bytes; after it everything is ciphertext. */
const HEADER = 64;
const PER_LINE = 16;
/** Lines shown of one envelope. */
const LINES = 8;

const KINDS: readonly string[] = ["update", "snapshot", "presence", "session", "attest"];

/** Names an envelope: session and sequence number are together its identity. */
export const envelopeKey = (bytes: Uint8Array): string => hex(bytes, 1, 8) + hex(bytes, 16, 32) + bytes.length;

export const envelopeView = (bytes: Uint8Array): HTMLLIElement => {
  const seq = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(4);
  const dump = el("pre", { class: "hex" });
  for (let line = 0; line < LINES && line * PER_LINE < bytes.length; line++) {
    const from = line * PER_LINE;
    dump.append(el("span", { class: from < HEADER ? "hex-header" : "hex-sealed" }, `${hex(bytes, from, from + PER_LINE)}\n`));
  }
  const more = bytes.length - LINES * PER_LINE;
  return el("li", { class: "envelope" },
    el("p", { class: "envelope-head" }, `${KINDS[bytes[1]!] ?? "unknown"} ${seq}`, el("span", {}, `${bytes.length.toLocaleString("en")} bytes`)),
    dump,
    more > 0 ? el("p", { class: "envelope-more" }, `and ${more.toLocaleString("en")} more`) : null);
};
