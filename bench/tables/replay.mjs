/** One edit of a trace, inside a transaction. */
export const replay = (doc, [at, deleted, inserted]) => {
  if (deleted > 0) doc.remove(at, deleted);
  if (inserted !== "") doc.insert(at, inserted);
};

/** Throws unless both are equal: a wrong result is no result. */
export const same = (got, expected) => {
  if (got === expected) return;
  const a = JSON.stringify(got), b = JSON.stringify(expected);
  if (a !== b) throw new Error(`wrong result: ${a?.slice(0, 200)} (${a?.length}) instead of ${b?.slice(0, 200)} (${b?.length})`);
};
/** The same for the entries of maps, which come in any order. */
export const sameEntries = (got, expected) => {
  const sorted = (map) => Object.entries(map).sort(([a], [b]) => (a < b ? -1 : 1));
  same(sorted(got), sorted(expected));
};
