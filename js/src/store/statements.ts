// What was signed about a document and is kept beside its content, each under the session that it is about.

import type { SessionId } from "../protocol.ts";
import type { StoredDoc, StoredStatement } from "./store.ts";

/** In the place of a session: the owner's word on where the document goes on. */
export const OWNER: SessionId = "AAAAAAAAAAAAAAAAAAAAAA";

/** Of sessions that signed two histories; empty where that is all that is known. */
export const forksIn = (stored: StoredDoc): readonly StoredStatement[] => stored.statements.filter((s) => s.session !== OWNER);
export const proofsIn = (stored: StoredDoc): readonly StoredStatement[] => forksIn(stored).filter((s) => s.bytes.length > 0);
export const successorIn = (stored: StoredDoc): Uint8Array | null => stored.statements.find((s) => s.session === OWNER)?.bytes ?? null;
