// Who else has this note open: a dot with an initial for each, and the name for whoever asks.

import { FreeholdError, type Doc } from "freehold";
import { el } from "./dom.ts";
import type { NoteType } from "./note.ts";

/** Dots; the rest is a number. */
const SHOWN = 4;
/** As many as style/people.css has. */
const COLOURS = 6;
/** In characters. */
const LONGEST_NAME = 40;

export type Person = Doc<NoteType>["presence"]["others"]["value"][number];

/** Everybody sees a session in the same colour. */
export const colourOf = (session: string): number => [...session].reduce((sum, c) => (sum * 31 + c.charCodeAt(0)) % 0xffff, 7) % COLOURS;

/** What somebody is called: names are typed by strangers, and may be missing or long. */
export const calledOf = (name: string): string => {
  const words = [...name.replace(/[\s\p{Cc}]+/gu, " ").trim()];
  return words.length === 0 ? "Somebody" : words.slice(0, LONGEST_NAME).join("");
};

/** Says something of this page to the others of a note. Who may only read is not seen, and a note that was closed has no others. */
export const tellOthers = (doc: Doc<NoteType>, what: Parameters<Doc<NoteType>["presence"]["set"]>[0]): void => {
  if (doc.rights === "read") return;
  try {
    doc.presence.set(what);
  } catch (error) {
    if (!(error instanceof FreeholdError && error.code === "closed")) throw error;
  }
};

export interface People {
  readonly el: HTMLElement;
  /** Shows who has this note open, from now on; null: nobody. */
  follow(doc: Doc<NoteType> | null): void;
}

export const people = (): People => {
  const root = el("ul", { class: "people", "aria-label": "Also here", hidden: true });
  let stop: (() => void) | null = null;

  const show = (all: readonly Person[]): void => {
    root.hidden = all.length === 0;
    const rest = all.slice(SHOWN);
    root.replaceChildren(...all.slice(0, SHOWN).map(({ name, session }) => {
      const called = calledOf(name);
      return el("li", { class: "person", title: called, "data-colour": colourOf(session) },
        el("span", { "aria-hidden": "true" }, [...called][0]!.toUpperCase()), el("bdi", { class: "visually-hidden" }, called));
    }));
    if (rest.length > 0) {
      const names = rest.map(({ name }) => calledOf(name)).join(", ");
      root.append(el("li", { class: "person more", title: names }, el("span", { "aria-hidden": "true" }, `+${rest.length}`), el("bdi", { class: "visually-hidden" }, names)));
    }
  };

  return {
    el: root,
    follow(doc) {
      stop?.();
      stop = null;
      if (doc === null) show([]);
      else stop = doc.presence.others.subscribe(show);
    },
  };
};
