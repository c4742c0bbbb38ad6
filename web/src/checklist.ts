// The checklist of a note. Items are known by their $id, so a row survives moves made here and elsewhere.

import { FreeholdError, type Doc } from "freehold";
import { arrange, el } from "./dom.ts";
import { checkItem, type CheckItem, type CheckItemActions } from "./checkitem.ts";
import { drag } from "./drag.ts";
import { icon } from "./icons.ts";
import { itemPort } from "./notetext.ts";
import type { NoteType } from "./note.ts";
import { wellFormed } from "./splice.ts";

type NoteDoc = Doc<NoteType>;

export interface Checklist {
  readonly el: HTMLElement;
  bind(doc: NoteDoc): void;
  unbind(): void;
  setReadOnly(on: boolean): void;
}

export interface ChecklistOptions {
  /** The note, begun first if it is not yet. Null when that failed; the failure was shown. */
  readonly begin: () => Promise<NoteDoc | null>;
  readonly refused: (error: FreeholdError) => void;
  /** Says something to those who cannot see it. */
  readonly say: (words: string) => void;
  /** Something went away and can come back. */
  readonly offerUndo: (words: string, undo: () => void) => void;
}

export const checklist = (o: ChecklistOptions): Checklist => {
  const itemById = new Map<string, CheckItem>();
  let doc: NoteDoc | null = null;
  let stop: (() => void) | null = null;
  let readOnly = false;

  const list = el("ul", { class: "items" });
  const add = el("button", { type: "button", class: "add-item", on: { click: () => void append() } }, icon("plus"), "Add item");
  const root = el("section", { class: "checklist", "aria-label": "Checklist" }, list, add);

  /** Runs an edit; false when the document refused it. */
  const edit = <R>(change: (doc: NoteDoc) => R): R | undefined => {
    if (doc === null) return undefined;
    try {
      return change(doc);
    } catch (error) {
      if (!(error instanceof FreeholdError)) throw error;
      o.refused(error);
      return undefined;
    }
  };
  const order = (): readonly string[] => doc?.value.todos.map((item) => item.$id) ?? [];
  const at = (id: string, by: number): string | undefined => order()[order().indexOf(id) + by];
  const focus = (id: string | undefined, caret?: number): void => {
    if (id === undefined) add.focus();
    else itemById.get(id)?.field.focus(caret);
  };

  const append = async (): Promise<void> => {
    const into = await o.begin();
    if (into === null) return;
    if (doc === null) bind(into);
    focus(edit((note) => note.change((d) => d.todos.add({ text: "" }))));
  };

  const act: CheckItemActions = {
    tick: (id, done) => void edit((note) => note.change((d) => { const item = d.todos.get(id); if (item) item.done = done; })),
    split(id, caret) {
      const made = edit((note) => note.change((d) => {
        const text = d.todos.get(id)?.text;
        const tail = text?.toString().slice(caret) ?? "";
        if (tail !== "") text?.delete(caret, tail.length);
        return d.todos.add({ text: tail }, { after: id });
      }));
      refresh();
      if (made !== undefined) focus(made, 0);
    },
    remove(id, keyboard) {
      const item = doc?.value.todos.find((todo) => todo.$id === id);
      if (doc === null || item === undefined) return;
      const [text, done, before] = [item.text.toString(), item.done, at(id, -1)];
      const next = keyboard ? before ?? at(id, 1) : at(id, 1) ?? before;
      edit((note) => note.change((d) => d.todos.delete(id)));
      focus(next);
      if (text === "") return;
      const from = doc;
      o.offerUndo("Item deleted", () => edit(() => from.change((d) => d.todos.add({ text, done }, before !== undefined && d.todos.get(before) ? { after: before } : { at: 0 }))));
    },
    nudge(id, by) {
      const beside = at(id, by);
      if (beside === undefined) return;
      edit((note) => note.change((d) => d.todos.move(id, by < 0 ? { before: beside } : { after: beside })));
      o.say(`Moved to ${order().indexOf(id) + 1} of ${order().length}`);
    },
    leave(id, by) {
      const beside = at(id, by);
      if (beside === undefined) return false;
      focus(beside, by < 0 ? undefined : 0);
      return true;
    },
    pasteLines(id, lines) {
      const area = itemById.get(id)?.field.area;
      if (area === undefined) return;
      const [from, to] = [area.selectionStart, area.selectionEnd];
      const last = edit((note) => note.change((d) => {
        const text = d.todos.get(id)?.text;
        if (text === undefined) return id;
        const tail = text.toString().slice(to);
        if (text.length > from) text.delete(from, text.length - from);
        text.insert(from, wellFormed(lines[0]!));
        return lines.slice(1).reduce((after, line, i) => d.todos.add({ text: wellFormed(line) + (i === lines.length - 2 ? tail : "") }, { after }), id);
      }));
      refresh();
      if (last !== undefined) focus(last);
    },
    grab(id, event) {
      const row = itemById.get(id)?.el;
      if (row === undefined || readOnly) return;
      drag(event, row, list, (to) => {
        const ids = order().filter((other) => other !== id);
        if (doc === null || !order().includes(id)) return;
        edit((note) => note.change((d) => d.todos.move(id, to === 0 || ids.length === 0 ? { at: 0 } : { after: ids[Math.min(to, ids.length) - 1]! })));
      });
    },
    refused: o.refused,
  };

  const refresh = (): void => {
    if (doc === null) return;
    const note = doc, todos = note.value.todos;
    const wanted = new Set(todos.map((item) => item.$id));
    for (const [id, item] of itemById) {
      if (wanted.has(id)) continue;
      item.field.unbind();
      itemById.delete(id);
    }
    arrange(list, todos.map((todo, i) => {
      let item = itemById.get(todo.$id);
      if (item === undefined) {
        item = checkItem(todo.$id, itemPort(note, todo.$id), act);
        if (readOnly) item.setReadOnly(true);
        itemById.set(todo.$id, item);
      }
      item.show(todo.done, i + 1, todos.length);
      return item.el;
    }));
    list.hidden = todos.length === 0;
  };

  const bind = (to: NoteDoc): void => {
    unbind();
    doc = to;
    // Only when the list itself changed: typing in the body must not touch it.
    stop = to.select((note) => note.todos).subscribe(refresh);
  };
  const unbind = (): void => {
    stop?.();
    stop = doc = null;
    for (const item of itemById.values()) item.field.unbind();
    itemById.clear();
    list.replaceChildren();
    list.hidden = true;
  };

  list.hidden = true;
  return {
    el: root,
    bind,
    unbind,
    setReadOnly(on) {
      readOnly = on;
      add.hidden = on;
      for (const item of itemById.values()) item.setReadOnly(on);
    },
  };
};
