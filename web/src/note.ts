// What a note is. The app's only schema.

import { defineDoc, s, type Infer } from "freehold";

export const Note = defineDoc("note", {
  version: 1,
  shape: {
    title: s.string().default(""), // "Untitled" is a placeholder of the field, never content
    body: s.text(),
    todos: s.list(s.object({ text: s.text(), done: s.boolean().default(false) })),
  },
  /** `caret`: in the body, in its own units. */
  presence: { name: s.string().default(""), caret: s.number().optional() },
});

export type NoteView = Infer<typeof Note>;
export type NoteType = typeof Note;

/** The name of a note where it has to have one: its title, else its first line, else "Untitled". */
export const nameOf = (note: { readonly title: string; readonly body: { toString(): string } }): string => {
  const title = note.title.trim();
  if (title !== "") return title;
  const first = note.body.toString().trimStart().split("\n", 1)[0]!.trim();
  return first === "" ? "Untitled" : clip(first, 60);
};

/** The first words of the text after the name, for the list. */
export const snippetOf = (note: { readonly title: string; readonly body: { toString(): string }; readonly todos?: readonly unknown[] }): string => {
  const text = note.body.toString().trim();
  const rest = note.title.trim() === "" ? text.slice(text.split("\n", 1)[0]!.length) : text;
  const words = clip(rest.replace(/\s+/g, " ").trim(), 90);
  if (words !== "") return words;
  const items = note.todos?.length ?? 0;
  return items === 0 ? "No text yet" : items === 1 ? "1 item" : `${items} items`;
};

/** At most n UTF-16 units, never ending inside a surrogate pair. */
const clip = (text: string, n: number): string => {
  if (text.length <= n) return text;
  const high = text.charCodeAt(n - 1);
  return `${text.slice(0, high >= 0xd800 && high < 0xdc00 ? n - 1 : n).trimEnd()}…`;
};
