// A modal sheet with a heading and a way out: Escape, the close button, or a click beside it.

import { el, freshId, type Child } from "./dom.ts";
import { icon } from "./icons.ts";

export interface Sheet {
  readonly el: HTMLDialogElement;
  open(): void;
  close(): void;
}

export const sheet = (title: string, className: string, ...children: readonly Child[]): Sheet => {
  const heading = freshId("sheet");
  const close = (): void => dialog.close();
  const dialog = el("dialog", {
    class: `sheet ${className}`, "aria-labelledby": heading,
    on: { click: (event) => { if (event.target === dialog) close(); } },
  },
  el("div", { class: "sheet-body" },
    el("header", { class: "sheet-head" },
      el("h2", { id: heading }, title),
      el("button", { type: "button", class: "icon-button", "aria-label": "Close", on: { click: close } }, icon("close"))),
    ...children));
  return { el: dialog, open: () => { if (!dialog.open) dialog.showModal(); }, close };
};
