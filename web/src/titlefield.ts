// The title: one line of meaning that may wrap, bound to a register (last writer wins).

import { el } from "./dom.ts";
import { wellFormed } from "./splice.ts";
import { grow } from "./textfield.ts";

export interface TitleField {
  readonly el: HTMLElement;
  readonly area: HTMLTextAreaElement;
  /** What the document says now. Ignored while an input method composes. */
  show(title: string): void;
  setReadOnly(on: boolean): void;
}

export const titleField = (o: { readonly onEdit: (title: string) => void; readonly onEnter: () => void }): TitleField => {
  let composing = false;
  const edited = (): void => {
    // A pasted line break is a space here.
    if (area.value.includes("\n")) {
      const caret = area.selectionEnd;
      area.value = area.value.replace(/\n/g, " ");
      area.setSelectionRange(caret, caret);
    }
    grow(area);
    o.onEdit(wellFormed(area.value));
  };
  const area = el("textarea", {
    class: "field-area", rows: 1, "aria-label": "Title", placeholder: "Untitled", autocomplete: "off", spellcheck: "true", enterkeyhint: "next",
    on: {
      input: () => { if (!composing) edited(); },
      compositionstart: () => { composing = true; },
      compositionend: () => { composing = false; edited(); },
      keydown: (event) => {
        if (event.key !== "Enter" || event.isComposing) return;
        event.preventDefault();
        o.onEnter();
      },
    },
  });
  return {
    el: el("div", { class: "field title" }, area),
    area,
    show(title) {
      const value = title.replace(/\r\n?|\n/g, " ");
      if (composing || area.value === value) return;
      const caret = Math.min(area.selectionEnd, value.length);
      area.value = value;
      area.setSelectionRange(caret, caret);
      grow(area);
    },
    setReadOnly(on) { area.readOnly = on; },
  };
};
