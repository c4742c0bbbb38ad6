// Where there is no note to show: three things to try, in the order in which they surprise.

import { el } from "./dom.ts";
import { icon } from "./icons.ts";

const TRY: readonly (readonly [string, string])[] = [
  ["Type something.", "It is on this device before you lift the finger."],
  ["Go into the tunnel.", "Every connection closes. Nothing else happens: you go on writing."],
  ["Reload with the relay stopped.", "Your notes open as before. They were never anywhere else first."],
];

export interface EmptyState {
  readonly el: HTMLElement;
  /** Whether there are notes, only none of them open. */
  head(otherNotes: boolean): void;
}

export const emptyState = (o: { readonly begin: () => void; readonly restore: () => void }): EmptyState => {
  const heading = el("h1", {});
  const restore = el("button", { type: "button", class: "button plain", on: { click: o.restore } }, icon("device"), "Restore from another device");
  return {
    el: el("section", { class: "empty", "aria-label": "No note open" },
      heading,
      el("ol", { class: "tries" }, ...TRY.map(([what, why]) => el("li", {}, el("strong", {}, what), " ", why))),
      el("div", { class: "empty-actions" }, el("button", { type: "button", class: "button primary", on: { click: o.begin } }, icon("plus"), "New note"), restore)),
    head(otherNotes) {
      heading.textContent = otherNotes ? "No note open" : "Nothing here yet";
      restore.hidden = otherNotes;
    },
  };
};
