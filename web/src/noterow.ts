// One note in the list: its name, its first words, when it changed.

import type { DocInfo } from "freehold";
import { el } from "./dom.ts";
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

const MINUTE = 60_000, DAY = 86_400_000;

/** "now", "5 min", "14:03", "Tue", "3 Nov", "3 Nov 2024". Both in milliseconds since the epoch. */
export const ago = (changed: number, now: number): string => {
  const passed = now - changed, then = new Date(changed), today = new Date(now);
  if (passed < MINUTE) return "now";
  if (passed < 60 * MINUTE) return `${Math.floor(passed / MINUTE)} min`;
  if (then.toDateString() === today.toDateString()) return then.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  if (passed < 6 * DAY) return then.toLocaleDateString([], { weekday: "short" });
  return then.toLocaleDateString([], { day: "numeric", month: "short", ...(then.getFullYear() === today.getFullYear() ? {} : { year: "numeric" }) });
};
