// The name that others see beside a caret. It stays on this device, and goes out sealed while a note is open.

import { el, freshId } from "./dom.ts";
import { sheet } from "./sheet.ts";

const KEY = "freehold-notes/name";

export interface NameSheet {
  readonly el: HTMLElement;
  /** Empty until somebody gave one. */
  readonly name: string;
  open(): void;
}

export const nameSheet = (o: { readonly changed: (name: string) => void }): NameSheet => {
  let name = stored();
  const input = el("input", { type: "text", id: freshId("name"), class: "text-input", autocomplete: "nickname", maxlength: 40, placeholder: "Somebody" });
  const submit = (): void => {
    name = input.value.trim();
    try {
      localStorage.setItem(KEY, name);
    } catch { /* this browser keeps nothing here: the name lasts as long as the page */ }
    frame.close();
    o.changed(name);
  };
  input.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    submit();
  });
  const frame = sheet("Your name", "name",
    el("div", { class: "search" }, el("label", { for: input.id }, "What others see while you have a note open"), input),
    el("button", { type: "button", class: "button primary wide", on: { click: submit } }, "Use this name"),
    el("p", { class: "fine" }, "It goes to people who have the note, sealed like your words. The relay never gets it."));
  return {
    el: frame.el,
    get name() {
      return name;
    },
    open: () => {
      input.value = name;
      frame.open();
      input.select();
    },
  };
};

const stored = (): string => {
  try {
    return localStorage.getItem(KEY) ?? "";
  } catch {
    return "";
  }
};
