// Arithmetic of text edits: which splice turns one text into another, and where a position goes when a splice happens.
// All positions are UTF-16 units.

/** At `at`, `deleted` units are removed, then `inserted` units put in. */
export interface Splice {
  readonly at: number;
  readonly deleted: number;
  readonly inserted: number;
}

const isLow = (text: string, i: number): boolean => i < text.length && (text.charCodeAt(i) & 0xfc00) === 0xdc00;
const isHigh = (text: string, i: number): boolean => i >= 0 && (text.charCodeAt(i) & 0xfc00) === 0xd800;

/** True when position i lies between the two halves of one character. */
const splitsPair = (text: string, i: number): boolean => isHigh(text, i - 1) && isLow(text, i);

/**
 * The one splice that turns `before` into `after`. `caret` is the end of the selection after the edit: it decides between
 * equal answers (typing "l" into "hello" at 3 or at 4), so that concurrent edits land where the person typed.
 */
export const difference = (before: string, after: string, caret: number): Splice | null => {
  if (before === after) return null;
  const grown = after.length - before.length;
  const tail = Math.max(0, Math.min(after.length - Math.max(caret, 0), before.length));
  let suffix = 0;
  if (before.slice(before.length - tail) === after.slice(after.length - tail)) suffix = tail;
  else while (suffix < tail && before.charCodeAt(before.length - 1 - suffix) === after.charCodeAt(after.length - 1 - suffix)) suffix++;
  const limit = Math.min(before.length, after.length) - suffix;
  let prefix = 0;
  if (limit > 0 && before.slice(0, limit) === after.slice(0, limit)) prefix = limit;
  else while (prefix < limit && before.charCodeAt(prefix) === after.charCodeAt(prefix)) prefix++;
  // Widen to whole characters: a text never holds half a surrogate pair.
  while (prefix > 0 && (splitsPair(before, prefix) || splitsPair(after, prefix))) prefix--;
  while (suffix > 0 && (splitsPair(before, before.length - suffix) || splitsPair(after, after.length - suffix))) suffix--;
  const deleted = before.length - prefix - suffix;
  return { at: prefix, deleted, inserted: deleted + grown };
};

/**
 * Where a position is after a splice. Inside a deleted range it goes to its start; at the place of an insertion it stays
 * before the new units (`after` false: a caret keeps its place) or moves behind them.
 */
export const mapPosition = (position: number, splice: Splice, after = false): number => {
  if (position < splice.at) return position;
  if (position === splice.at && splice.deleted === 0) return after ? position + splice.inserted : position;
  if (position >= splice.at + splice.deleted) return position + splice.inserted - splice.deleted;
  return after ? splice.at + splice.inserted : splice.at;
};

/** The range [from, to) after a splice; a range never grows over what others insert at its edges. */
export const mapRange = (from: number, to: number, splice: Splice): readonly [number, number] => {
  const start = mapPosition(from, splice, true), end = mapPosition(to, splice, false);
  return [Math.min(start, end), Math.max(start, end)];
};

/** The text with every half of a broken surrogate pair replaced by U+FFFD, unit for unit. */
export const wellFormed = (text: string): string =>
  text.replace(/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g, "\ufffd");
