// What the relay sees: the last envelopes of this note, byte for byte, and a search for one's own sentence in them.
// It stays beside the note, so that one can type and watch.

import type { Doc } from "freehold";
import { arrange, el, freshId, plural } from "./dom.ts";
import { envelopeKey, envelopeView } from "./envelopeview.ts";
import { found } from "./hex.ts";
import { icon } from "./icons.ts";
import type { NoteType, NoteView } from "./note.ts";

export interface RelayDrawer {
  readonly el: HTMLElement;
  open(doc: Doc<NoteType>): void;
  /** Another note is shown now, or none. Keeps an open drawer open. */
  follow(doc: Doc<NoteType> | null): void;
  close(): void;
}

export const relayDrawer = (): RelayDrawer => {
  let doc: Doc<NoteType> | null = null;
  let stops: (() => void)[] = [];
  let opener: HTMLElement | null = null;
  const rowByKey = new Map<string, HTMLLIElement>();

  const heading = el("h2", { id: freshId("drawer"), tabindex: -1 }, "What the relay sees");
  const result = el("p", { class: "found", role: "status" });
  const needle = el("input", { type: "search", id: freshId("needle"), class: "text-input", autocomplete: "off", spellcheck: "false", on: { input: () => count() } });
  const rows = el("ol", { class: "envelopes", "aria-label": "Envelopes, newest first" });
  const none = el("p", { class: "fine none" }, "Nothing yet. What you type is sealed first, then it appears here.");
  const root = el("aside", {
    class: "drawer", "aria-labelledby": heading.id, hidden: true,
    on: { keydown: (event) => { if (event.key === "Escape") close(); } },
  },
  el("header", { class: "sheet-head" }, heading, el("button", { type: "button", class: "icon-button", "aria-label": "Close", on: { click: () => close() } }, icon("close"))),
  el("div", { class: "drawer-body", tabindex: 0, role: "group", "aria-label": "Envelopes" },
    el("p", { class: "fine" }, "This note, byte for byte as the relay gets it. It can see sizes and times. It cannot see words."),
    el("div", { class: "search" }, el("label", { for: needle.id }, "Look for a sentence of yours"), needle, result),
    none, rows));

  const count = (): void => {
    const words = needle.value;
    result.classList.toggle("shown", words !== "");
    if (doc === null || words === "") return result.replaceChildren();
    const here = occurrencesIn(doc.value, words), there = found(doc.sealed.value, words);
    result.replaceChildren(el("strong", {}, `found ${plural(there, "time")}`), el("span", {}, here === 0 ? "and not in your note" : `and ${plural(here, "time")} in your note`));
  };

  const show = (envelopes: readonly Uint8Array[]): void => {
    const keys = new Set<string>();
    const wanted = [...envelopes].reverse().map((envelope) => {
      const key = envelopeKey(envelope);
      keys.add(key);
      let row = rowByKey.get(key);
      if (row === undefined) rowByKey.set(key, row = envelopeView(envelope));
      return row;
    });
    for (const key of rowByKey.keys()) if (!keys.has(key)) rowByKey.delete(key);
    arrange(rows, [...new Set(wanted)]);
    none.hidden = envelopes.length > 0;
    count();
  };

  const detach = (): void => {
    for (const stop of stops) stop();
    stops = [];
    rowByKey.clear();
    rows.replaceChildren();
    doc = null;
  };
  const attach = (to: Doc<NoteType>): void => {
    detach();
    doc = to;
    needle.value = sentenceOf(to.value);
    stops = [to.sealed.subscribe(show), to.subscribe(() => count())];
  };
  const close = (): void => {
    if (root.hidden) return;
    root.hidden = true;
    detach();
    opener?.focus();
  };

  return {
    el: root,
    open(to) {
      opener = document.activeElement instanceof HTMLElement ? document.activeElement : null;
      attach(to);
      root.hidden = false;
      heading.focus({ preventScroll: true });
    },
    follow(to) {
      if (root.hidden) return;
      if (to === null) close();
      else if (to !== doc) attach(to);
    },
    close,
  };
};

/** The last line that somebody wrote: the sentence one would look for. */
const sentenceOf = (note: NoteView): string => {
  const lines = note.body.toString().split(/\r\n?|\n/).map((line) => line.trim()).filter((line) => line.length > 3);
  return (lines.at(-1) ?? note.title.trim()).slice(0, 80);
};

const occurrencesIn = (note: NoteView, words: string): number =>
  [note.title, note.body.toString(), ...note.todos.map((todo) => todo.text.toString())].reduce((n, text) => n + text.split(words).length - 1, 0);
