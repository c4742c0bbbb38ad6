// A text area that grows with its text and is bound to a text of a document, both ways.
//
// What is typed becomes one splice at the place where it was typed. What others wrote is spliced in without moving the caret,
// and glows once. Before it is bound a field is a plain text area.

import { FreeholdError } from "freehold";
import { Carets, type Caret } from "./carets.ts";
import { el } from "./dom.ts";
import { Glow } from "./glow.ts";
import { shownText, toDocument, toShown } from "./newlines.ts";
import { difference, mapPosition, mapRange, wellFormed, type Splice } from "./splice.ts";

/** A text of a document as a field needs it. */
export interface TextPort {
  read(): string;
  /** Must change the document before it returns, or throw and change nothing. */
  splice(at: number, deleted: number, inserted: string): void;
  /** Must call back in the turn of every change of the text, with `local` true for those made by this page. */
  observe(heard: (splices: readonly Splice[], local: boolean) => void): () => void;
}

export interface TextFieldOptions {
  readonly label: string;
  readonly placeholder: string;
  readonly className: string;
  /** Called after each edit that a person made, bound or not. */
  readonly onEdit?: () => void;
  /** Called with the caret's place in the document whenever it moved; null when it left. */
  readonly onCaret?: (at: number | null) => void;
  /** Called when the document refused an edit. */
  readonly onRefused: (error: FreeholdError) => void;
}

/** Errors after which the field goes back to what the document holds; after the others the words stay where they can be copied. */
const REVERTS: ReadonlySet<string> = new Set(["read-only", "too-large", "invalid"]);

export class TextField {
  readonly el: HTMLElement;
  readonly area: HTMLTextAreaElement;
  readonly #o: TextFieldOptions;
  readonly #glow: Glow;
  readonly #carets: Carets;
  /** Where others are, in the document's text. */
  #others: readonly Caret[] = [];
  /** Where this caret was told to be. */
  #told: number | null = null;
  #port: TextPort | null = null;
  #stop: (() => void) | null = null;
  /** The document's text as the field last showed it. */
  #text = "";
  #composing = false;
  #writing = false;
  /** What others wrote while an input method was composing: shown when it is done, or the composition would be torn. */
  #held: Splice[] = [];

  constructor(o: TextFieldOptions) {
    this.#o = o;
    this.area = el("textarea", {
      class: "field-area", rows: 1, "aria-label": o.label, placeholder: o.placeholder, autocomplete: "off",
      on: {
        input: () => { if (!this.#composing) this.#typed(); },
        blur: () => this.#tellCaret(),
        focus: () => this.#tellCaret(),
        compositionstart: () => { this.#composing = true; },
        compositionend: () => { this.#composing = false; this.#typed(); },
      },
    });
    this.el = el("div", { class: `field ${o.className}` }, this.area);
    this.#glow = new Glow(this.el);
    this.#carets = new Carets(this.el);
    if (o.onCaret !== undefined) document.addEventListener("selectionchange", () => this.#tellCaret());
  }

  /** Binds the field; it shows the text from now on. A composition that is under way is left alone and written when it ends. */
  bind(port: TextPort): void {
    this.unbind();
    this.#port = port;
    this.#text = port.read();
    this.#stop = port.observe((splices, local) => this.#heard(splices, local));
    if (!this.#composing) this.#show(this.#text);
    this.setReadOnly(false);
  }

  /** Shows a text that cannot be edited yet. */
  preview(text: string): void {
    this.unbind();
    this.#show(text);
    this.setReadOnly(true);
  }

  /** Empty and unbound. */
  clear(): void {
    this.unbind();
    this.#show("");
    this.setReadOnly(false);
  }

  unbind(): void {
    this.#stop?.();
    this.#stop = this.#port = null;
    this.#text = "";
    this.#held = [];
    this.#told = null;
    this.#glow.clear();
    this.showCarets([]);
  }

  /** Where others are, in units of the document's text. */
  showCarets(carets: readonly Caret[]): void {
    if (carets.length === 0 && this.#others.length === 0) return;
    this.#others = carets;
    this.#drawCarets();
  }

  setReadOnly(on: boolean): void {
    this.area.readOnly = on;
  }

  /** Puts the caret at `at` (the end when left out) and the focus here. */
  focus(at: number = this.area.value.length): void {
    this.area.focus();
    this.area.setSelectionRange(at, at);
    grow(this.area);
  }

  #drawCarets(): void {
    this.#carets.show(this.area.value, this.#others.map((c) => ({ ...c, at: toShown(this.#text, c.at) })));
  }

  #tellCaret(): void {
    if (this.#o.onCaret === undefined || this.#port === null || this.#composing) return;
    const at = document.activeElement === this.area ? toDocument(this.#text, this.area.selectionEnd) : null;
    if (at === this.#told) return;
    this.#told = at;
    this.#o.onCaret(at);
  }

  #typed(): void {
    if (this.#port !== null) {
      const edit = difference(shownText(this.#text), this.area.value, this.area.selectionEnd);
      if (this.#held.length > 0) this.#typedAmongHeld(edit);
      else if (edit !== null) {
        const from = toDocument(this.#text, edit.at), to = toDocument(this.#text, edit.at + edit.deleted);
        this.#write(from, to - from, this.area.value.slice(edit.at, edit.at + edit.inserted));
      }
    }
    grow(this.area);
    this.#tellCaret();
    this.#o.onEdit?.();
  }

  /** After a composition during which others wrote: the edit is moved past their splices, then everything is shown. */
  #typedAmongHeld(edit: Splice | null): void {
    let caret = toDocument(this.#text, edit?.at ?? this.area.selectionEnd);
    let end = toDocument(this.#text, (edit?.at ?? 0) + (edit?.deleted ?? 0));
    for (const splice of this.#held) [caret, end] = [mapPosition(caret, splice), mapPosition(end, splice)];
    this.#held = [];
    this.#text = this.#port!.read();
    if (edit !== null) {
      const units = this.area.value.slice(edit.at, edit.at + edit.inserted);
      this.#write(caret, Math.max(end - caret, 0), units);
      caret += units.length;
    }
    this.#show(this.#text, [], toShown(this.#text, caret));
  }

  #write(at: number, deleted: number, typed: string): void {
    const inserted = wellFormed(typed), before = this.#text;
    try {
      this.#text = before.slice(0, at) + inserted + before.slice(at + deleted);
      this.#writing = true;
      this.#port!.splice(at, deleted, inserted);
      // Those who write say where they are; until they have this edit, it moves them here.
      this.showCarets(this.#others.map((c) => ({ ...c, at: mapPosition(c.at, { at, deleted, inserted: inserted.length }) })));
    } catch (error) {
      this.#text = before;
      if (!(error instanceof FreeholdError)) throw error;
      if (REVERTS.has(error.code)) this.#show(before, [], this.area.selectionEnd);
      this.#o.onRefused(error);
      return;
    } finally {
      this.#writing = false;
    }
    // Rare: half a character became U+FFFD, or "\n" met a "\r" of the document. The field shows what the document has.
    if (inserted !== typed || this.#text.includes("\r")) this.#show(this.#text, [], this.area.selectionEnd);
  }

  #heard(splices: readonly Splice[], local: boolean): void {
    if (this.#writing || this.#port === null) return;
    if (this.#composing) {
      this.#held.push(...splices);
      return;
    }
    const before = this.#text;
    this.#text = this.#port.read();
    const shown = shownSplices(before, this.#text, splices);
    this.#show(this.#text, shown);
    if (this.#others.length > 0) this.#drawCarets();
    if (!local) this.#glow.add(this.area.value, shown, mapRange);
  }

  /** Makes the area hold `text`; the selection moves with the splices. */
  #show(text: string, splices: readonly Splice[] = [], caret?: number): void {
    const area = this.area, value = shownText(text);
    if (area.value !== value) {
      let start = caret ?? area.selectionStart, end = caret ?? area.selectionEnd;
      const direction = area.selectionDirection;
      for (const splice of splices) {
        start = mapPosition(start, splice);
        end = mapPosition(end, splice);
      }
      const scroll = area.closest(".scroll"), top = scroll?.scrollTop;
      area.value = value;
      area.setSelectionRange(start, end, direction);
      if (scroll && top !== undefined) scroll.scrollTop = top;
      grow(area);
    }
  }
}

/** Splices of the document as splices of the shown text. */
const shownSplices = (before: string, after: string, splices: readonly Splice[]): readonly Splice[] => {
  if (!before.includes("\r") && !after.includes("\r")) return splices;
  const whole = difference(shownText(before), shownText(after), toShown(after, after.length));
  return whole === null ? [] : [whole];
};

const sizesItself = (): boolean => CSS.supports("field-sizing", "content");

/** Makes the area as tall as its text where style alone cannot. */
export const grow = (area: HTMLTextAreaElement): void => {
  if (sizesItself()) return;
  area.style.height = "auto";
  area.style.height = `${area.scrollHeight}px`;
};
