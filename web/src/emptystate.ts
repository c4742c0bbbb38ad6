// Where there is no note to show: three things to try, in the order in which they surprise.

import { el } from "./dom.ts";
import { icon } from "./icons.ts";

const TRY: readonly (readonly [string, string])[] = [
  ["Type something.", "It is on this device before you lift the finger."],
  ["Go into the tunnel.", "Every connection closes. Nothing else happens: you go on writing."],
  ["Reload with the relay stopped.", "Your notes open as before. They were never anywhere else first."],
];

export const emptyState = (o: { readonly begin: () => void }): HTMLElement =>
  el("section", { class: "empty", "aria-label": "No note open" },
    el("h1", {}, "Nothing here yet"),
    el("ol", { class: "tries" }, ...TRY.map(([what, why]) => el("li", {}, el("strong", {}, what), " ", why))),
    el("button", { type: "button", class: "button primary", on: { click: o.begin } }, icon("plus"), "New note"));
