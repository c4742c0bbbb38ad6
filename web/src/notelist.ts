// The list of notes: the sidebar of a wide window, a screen of its own on a narrow one. It needs no wasm: it reads heads.

import type { DocInfo } from "freehold";
import { arrange, el } from "./dom.ts";
import { icon } from "./icons.ts";
import { noteRow, type NoteRow } from "./noterow.ts";
import type { NoteType } from "./note.ts";

export type NoteInfo = DocInfo<NoteType>;

export interface NoteList {
  readonly el: HTMLElement;
  /** `undefined`: not read yet. */
  show(notes: readonly NoteInfo[] | undefined, current: string | null): void;
}

export const noteList = (o: { readonly create: () => void; readonly openLink: () => void; readonly devices: () => void }): NoteList => {
  const rowById = new Map<string, NoteRow>();
  const rows = el("ul", { class: "rows" });
  const none = el("p", { class: "fine none", hidden: true }, "Your notes will be listed here. They stay on this device first.");
  const root = el("nav", { class: "sidebar", "aria-label": "Notes" },
    el("header", { class: "sidebar-head" },
      el("img", { src: "./icon.svg", alt: "", width: 28, height: 28 }),
      el("h1", {}, "Freehold"),
      el("button", { type: "button", class: "icon-button", "aria-label": "New note", title: "New note", on: { click: o.create } }, icon("plus"))),
    el("div", { class: "sidebar-scroll" }, rows, none),
    el("footer", { class: "sidebar-foot" }, 
      el("button", { type: "button", class: "button plain", on: { click: o.openLink } }, icon("link"), "Open a link"),
      el("button", { type: "button", class: "button plain", on: { click: o.devices } }, icon("device"), "Devices")));
  return {
    el: root,
    show(notes, current) {
      if (notes === undefined) return;
      const now = Date.now(), wanted = new Set(notes.map((note) => note.id));
      for (const id of rowById.keys()) if (!wanted.has(id)) rowById.delete(id);
      arrange(rows, notes.map((note) => {
        let row = rowById.get(note.id);
        if (row === undefined) rowById.set(note.id, row = noteRow(note.id));
        row.show(note, note.id === current, now);
        return row.el;
      }));
      rows.hidden = notes.length === 0;
      none.hidden = notes.length > 0;
    },
  };
};
