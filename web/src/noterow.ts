// One note in the list: its name, its first words, when it changed.

import type { DocInfo } from "freehold";
import { el } from "./dom.ts";
import { ago } from "./when.ts";
import { nameOf, snippetOf, type NoteType } from "./note.ts";

export interface NoteRow {
  readonly el: HTMLLIElement;
  show(note: DocInfo<NoteType>, current: boolean, now: number): void;
}

export const noteRow = (id: string): NoteRow => {
  const name = el("span", { class: "row-name" }), snippet = el("span", { class: "row-snippet" }), when = el("time", { class: "row-when" });
  const link = el("a", { class: "row", href: `#d/${id}` }, el("span", { class: "row-top" }, name, when), snippet);
  return {
    el: el("li", {}, link),
    show(note, current, now) {
      name.textContent = nameOf(note.head);
      snippet.textContent = snippetOf(note.head);
      when.textContent = ago(note.changed, now);
      when.dateTime = new Date(note.changed).toISOString();
      if (current) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    },
  };
};
