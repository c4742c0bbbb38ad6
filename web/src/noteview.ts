// The note on its page: title, body, checklist. Before a note exists the fields are plain text areas, so the first key press
// never waits; before its first copy arrived the page says so.

import { FreeholdError, type Doc } from "freehold";
import { checklist } from "./checklist.ts";
import { el } from "./dom.ts";
import { emptyState } from "./emptystate.ts";
import { nameOf, type NoteType } from "./note.ts";
import { calledOf, colourOf, tellOthers, type Person } from "./people.ts";
import { bodyPort } from "./notetext.ts";
import { wellFormed } from "./splice.ts";
import { TextField } from "./textfield.ts";
import { titleField } from "./titlefield.ts";

/** What is typed before a note exists. */
export interface Words {
  readonly title: string;
  readonly body: string;
}

export interface NoteView {
  readonly el: HTMLElement;
  /** Empty fields, not a note yet; `begin` is asked for one at the first edit. */
  draft(): void;
  /** What the fields hold now. */
  words(): Words;
  /** A note that is being opened, as its head has it. */
  preview(head: { readonly title: string; readonly body: { toString(): string } }): void;
  show(doc: Doc<NoteType>): void;
  /** Nothing to show: teach. */
  empty(otherNotes: boolean): void;
  focusBody(): void;
  focusPage(): void;
}

export interface NoteViewOptions {
  /** The note of what is typed, begun now if need be. Null: it failed, and the failure was shown. */
  readonly begin: () => Promise<Doc<NoteType> | null>;
  readonly create: () => void;
  readonly restore: () => void;
  readonly refused: (error: FreeholdError) => void;
  readonly say: (words: string) => void;
  readonly offerUndo: (words: string, undo: () => void) => void;
}

export const noteView = (o: NoteViewOptions): NoteView => {
  let doc: Doc<NoteType> | null = null;
  let stops: (() => void)[] = [];
  let mode: "draft" | "preview" | "note" | "empty" = "draft";

  const edited = (): void => { if (mode === "draft") void o.begin(); };
  const title = titleField({
    onEdit: (words) => {
      if (doc === null) return edited();
      try {
        doc.change((d) => { d.title = words; });
      } catch (error) {
        if (!(error instanceof FreeholdError)) throw error;
        title.show(doc.value.title);
        o.refused(error);
      }
    },
    onEnter: () => body.focus(0),
  });
  const body = new TextField({ label: "Note", placeholder: "Type. Then pull the plug.", className: "body", onEdit: edited, onRefused: o.refused, onCaret: (at) => {
    if (doc !== null) tellOthers(doc, { caret: at ?? undefined });
  } });
  const showCarets = (others: readonly Person[]): void =>
    body.showCarets(others.flatMap(({ caret, name, session }) => (caret === undefined ? [] : [{ at: caret, name: calledOf(name), colour: colourOf(session) }])));
  const todos = checklist(o);
  const readOnly = el("p", { class: "read-only", hidden: true }, "You can read this note. The link does not write.");
  const heading = el("h1", { class: "visually-hidden" }, "Untitled");
  const page = el("article", { class: "page" }, heading, readOnly, title.el, body.el, todos.el);
  const waiting = el("section", { class: "waiting", hidden: true, role: "status" },
    el("span", { class: "waiting-mark", "aria-hidden": "true" }),
    el("h1", {}, "Waiting for the first copy"),
    el("p", {}, "It comes as soon as the relay, or a device that has this note, can be reached. You can close this window meanwhile."));
  const empty = emptyState({ begin: o.create, restore: o.restore });
  const root = el("div", { class: "scroll", tabindex: -1 }, page, waiting, empty.el);

  // A click on the paper below the text goes on with the text.
  page.addEventListener("click", (event) => { if (event.target === page) body.focus(); });

  const detach = (): void => {
    for (const stop of stops) stop();
    stops = [];
    doc = null;
    todos.unbind();
  };
  const lay = (shown: HTMLElement): void => {
    page.classList.toggle("opening", mode === "preview");
    for (const each of [page, waiting, empty.el]) each.hidden = each !== shown;
  };
  const setReadOnly = (on: boolean): void => {
    title.setReadOnly(on);
    body.setReadOnly(on);
    todos.setReadOnly(on);
  };

  lay(page);
  return {
    el: root,
    draft() {
      detach();
      mode = "draft";
      title.show("");
      body.clear();
      setReadOnly(false);
      readOnly.hidden = true;
      lay(page);
    },
    words: () => ({ title: wellFormed(title.area.value), body: wellFormed(body.area.value) }),
    preview(head) {
      detach();
      mode = "preview";
      title.show(head.title);
      body.preview(head.body.toString());
      setReadOnly(true);
      readOnly.hidden = true;
      lay(page);
    },
    show(to) {
      detach();
      doc = to;
      mode = "note";
      body.bind(bodyPort(to));
      todos.bind(to);
      const writes = to.rights !== "read";
      setReadOnly(!writes);
      readOnly.hidden = writes;
      stops = [
        to.select((note) => note.title).subscribe((words) => { title.show(words); heading.textContent = nameOf(to.value); }),
        to.presence.others.subscribe(showCarets),
        to.status.subscribe((status) => lay(status.content === "waiting" ? waiting : page)),
      ];
    },
    empty(otherNotes) {
      detach();
      mode = "empty";
      body.clear();
      empty.head(otherNotes);
      lay(empty.el);
    },
    focusBody: () => body.focus(),
    focusPage: () => root.focus({ preventScroll: true }),
  };
};
