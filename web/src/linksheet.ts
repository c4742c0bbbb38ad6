// Opening a link by pasting it: an installed app has no address bar.

import { el, freshId } from "./dom.ts";
import { sheet } from "./sheet.ts";

export const linkSheet = (o: { readonly open: (link: string) => void }): { readonly el: HTMLElement; open(): void } => {
  const input = el("input", { type: "url", id: freshId("link"), class: "text-input", autocomplete: "off", spellcheck: "false", placeholder: "https://…/#1w…" });
  const submit = (): void => {
    const link = input.value.trim();
    if (link === "") return input.focus();
    input.value = "";
    frame.close();
    o.open(link);
  };
  input.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    submit();
  });
  const frame = sheet("Open a link", "open-link",
    el("div", { class: "search" }, el("label", { for: input.id }, "The whole link, with what is after the #"), input),
    el("button", { type: "button", class: "button primary wide", on: { click: submit } }, "Open the note"));
  return { el: frame.el, open: () => { frame.open(); input.focus(); } };
};
