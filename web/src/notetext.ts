// The texts of a note as text fields see them.

import type { Doc, TextRef } from "freehold";
import type { NoteType } from "./note.ts";
import type { TextPort } from "./textfield.ts";

export const bodyPort = (doc: Doc<NoteType>): TextPort => ({
  read: () => doc.value.body.toString(),
  splice: (at, deleted, inserted) => doc.change((d) => {
    if (deleted > 0) d.body.delete(at, deleted);
    if (inserted !== "") d.body.insert(at, inserted);
  }),
  observe: (heard) => observe(doc.at.body, heard),
});

export const itemPort = (doc: Doc<NoteType>, id: string): TextPort => ({
  read: () => doc.value.todos.find((todo) => todo.$id === id)?.text.toString() ?? "",
  splice: (at, deleted, inserted) => doc.change((d) => {
    const text = d.todos.get(id)?.text;
    if (deleted > 0) text?.delete(at, deleted);
    if (inserted !== "") text?.insert(at, inserted);
  }),
  observe: (heard) => observe(doc.at.todos.item(id).text, heard),
});

const observe = (ref: TextRef, heard: Parameters<TextPort["observe"]>[0]): (() => void) =>
  ref.observe((splices, local) => heard(splices.map((s) => ({ at: s.at, deleted: s.delete, inserted: s.insert.length })), local));
