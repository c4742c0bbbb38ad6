// The IndexedDB database of one home. All keys are out of line and every value is one frame (record.ts), so `getAll` over a key range
// brings a document in one request. No index, no cursor, no key generator.

/** Database version; raised when an object store is added. */
export const VERSION = 2;

export const Store = {
  /** "marker" → marker */
  meta: "meta",
  /** doc → secret */
  secrets: "secrets",
  /** doc → head */
  heads: "heads",
  /** [doc, writer, n] → entries; n counts a writer's flushes */
  records: "records",
  /** [doc, relay] → marks (of that relay) */
  marks: "marks",
  /** [doc, generation] → snapshot */
  snapshots: "snapshots",
  /** [doc, session] → statement */
  proofs: "proofs",
} as const;
export type Store = (typeof Store)[keyof typeof Store];

export const databaseName = (home: string): string => `freehold/${home}`;

/** Adds what is missing; never drops anything. */
export const upgrade = (db: IDBDatabase): void => {
  for (const name of Object.values(Store)) if (!db.objectStoreNames.contains(name)) db.createObjectStore(name);
};
