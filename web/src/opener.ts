// Begins, opens and joins notes, one at a time: what was asked last wins, and words typed meanwhile are never dropped.

import { FreeholdError, type Doc, type Home } from "freehold";
import { Note, type NoteType } from "./note.ts";
import type { Words } from "./noteview.ts";

/** What the page shows. */
export type Opened =
  | { readonly kind: "draft" }
  | { readonly kind: "opening"; readonly id: string }
  /** `begun`: it was made from the draft that is on the page. */
  | { readonly kind: "note"; readonly doc: Doc<NoteType>; readonly begun: boolean }
  | { readonly kind: "empty" };

export interface Opener {
  /** Makes a note of the draft on the page. Null when that failed. */
  begin(): Promise<Doc<NoteType> | null>;
  open(id: string): Promise<void>;
  join(link: string): Promise<void>;
  leave(to: { readonly kind: "draft" } | { readonly kind: "empty" }): void;
}

export interface OpenerOptions {
  /** The draft's words as they are now. */
  readonly words: () => Words;
  readonly failed: (error: FreeholdError) => void;
  readonly changed: (to: Opened) => void;
}

export const opener = (home: Home, o: OpenerOptions): Opener => {
  let doc: Doc<NoteType> | null = null;
  /** Counts what was asked for: an answer to an older question is closed unseen. */
  let asked = 0;
  let beginning: { readonly doc: Promise<Doc<NoteType> | null>; words: () => Words } | null = null;

  const close = (): void => {
    // The draft that is being made a note keeps the words it had when the page moved on.
    if (beginning !== null) {
      const words = o.words();
      beginning.words = () => words;
      beginning = null;
    }
    doc?.close();
    doc = null;
  };
  const settle = async (question: number, answer: Promise<Doc<NoteType>>, instead: Opened): Promise<void> => {
    try {
      const got = await answer;
      if (question !== asked) return got.close();
      doc = got;
      o.changed({ kind: "note", doc: got, begun: false });
    } catch (error) {
      if (!(error instanceof FreeholdError)) throw error;
      if (question !== asked) return;
      o.changed(instead);
      o.failed(error);
    }
  };

  const begin = async (mine: NonNullable<typeof beginning>, question: number): Promise<Doc<NoteType> | null> => {
    try {
      const made = await home.create(Note);
      const { title, body } = mine.words();
      if (title + body !== "") {
        made.change((d) => {
          if (title !== "") d.title = title;
          if (body !== "") d.body.insert(0, body);
        });
      }
      if (question !== asked) {
        made.close();
        return null;
      }
      doc = made;
      o.changed({ kind: "note", doc: made, begun: true });
      return made;
    } catch (error) {
      if (!(error instanceof FreeholdError)) throw error;
      o.failed(error);
      return null;
    } finally {
      if (beginning === mine) beginning = null;
    }
  };

  return {
    begin() {
      if (beginning === null) {
        const mine = { doc: Promise.resolve<Doc<NoteType> | null>(null), words: o.words };
        beginning = mine;
        mine.doc = begin(mine, asked);
      }
      return beginning?.doc ?? Promise.resolve(null);
    },
    async open(id) {
      close();
      const question = ++asked;
      o.changed({ kind: "opening", id });
      await settle(question, home.open(Note, id), { kind: "empty" });
    },
    async join(link) {
      close();
      const question = ++asked;
      o.changed({ kind: "opening", id: "" });
      await settle(question, home.join(Note, link), { kind: "empty" });
    },
    leave(to) {
      close();
      asked++;
      o.changed(to);
    },
  };
};
