// A text field shows "\r\n" and "\r" as one "\n"; a document keeps what it was given. These translate positions between both.
// Documents without "\r", which is nearly all of them, take the first line of each function.

/** The text as a text field holds it. */
export const shownText = (text: string): string => (text.includes("\r") ? text.replace(/\r\n?/g, "\n") : text);

/** From a position in the shown text to the position in the document. */
export const toDocument = (text: string, shown: number): number => {
  if (!text.includes("\r")) return shown;
  let at = 0;
  for (let left = shown; left > 0; left--) at += text.charCodeAt(at) === 13 && text.charCodeAt(at + 1) === 10 ? 2 : 1;
  return at;
};

/** From a position in the document to the position in the shown text; inside "\r\n" counts as before it. */
export const toShown = (text: string, position: number): number => {
  if (!text.includes("\r")) return position;
  const head = text.slice(0, position);
  const shown = shownText(head).length;
  return head.endsWith("\r") && text.charCodeAt(position) === 10 ? shown - 1 : shown;
};
