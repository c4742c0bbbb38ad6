// The sessions of a document as its patches number them, and the ids that list items have outside.

import { toBase64url } from "../ids.ts";

export class SessionTable {
  #texts: string[] = [];

  set(index: number, id: Uint8Array): void {
    this.#texts[index] = toBase64url(id);
  }
  itemId(session: number, seq: number): string {
    return itemId(seq, this.#texts[session] ?? "?");
  }
}

/** The stable id of the item that operation `seq` of a session inserted. */
export const itemId = (seq: number, session: string): string => `${seq.toString(36)}@${session}`;
