// A question before something that cannot be taken back.

import { el } from "./dom.ts";
import { sheet } from "./sheet.ts";

export interface Question {
  readonly title: string;
  readonly words: string;
  /** What the button that does it says. */
  readonly label: string;
  /** Something goes away. */
  readonly danger?: boolean;
  readonly run: () => void;
}

export const confirmSheet = (): { readonly el: HTMLElement; ask(question: Question): void } => {
  const root = el("div", {});
  return {
    el: root,
    ask({ title, words, label, danger, run }) {
      const frame = sheet(title, "confirm",
        el("p", {}, words),
        el("div", { class: "confirm-actions" },
          el("button", { type: "button", class: "button", on: { click: () => frame.close() } }, "Cancel"),
          el("button", { type: "button", class: `button primary ${danger === true ? "danger" : ""}`, on: { click: () => { frame.close(); run(); } } }, label)));
      root.replaceChildren(frame.el);
      frame.open();
    },
  };
};
