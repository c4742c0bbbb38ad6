// One list of notes on several devices: the link with which another device becomes one of them, and the place to put such a link.

import { FreeholdError, type Home } from "freehold";
import { el, freshId } from "./dom.ts";
import { icon } from "./icons.ts";
import { linkBox } from "./linkbox.ts";
import { sheet } from "./sheet.ts";

export interface DevicesSheet {
  readonly el: HTMLElement;
  /** `at`: what somebody came for. */
  open(at: "add" | "restore"): void;
}

export const devicesSheet = (home: Home, o: {
  readonly restore: (link: string) => void;
  readonly problem: (error: FreeholdError) => void;
  readonly say: (words: string) => void;
}): DevicesSheet => {
  const box = linkBox(o);
  const handing = el("div", { class: "devices-link", hidden: true }, box.el,
    el("p", { class: "fine" }, el("strong", {}, "This opens all your notes, now and later. "), "Show it to your own devices only, and send it to nobody."));
  const add = el("button", { type: "button", class: "button primary wide", on: { click: () => void addDevice() } }, icon("device"), "Add a device");
  const input = el("input", { type: "url", id: freshId("home"), class: "text-input", autocomplete: "off", spellcheck: "false", placeholder: "https://…/?home#1a…" });
  const submit = (): void => {
    const link = input.value.trim();
    if (link === "") return input.focus();
    input.value = "";
    frame.close();
    o.restore(link);
  };
  input.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    submit();
  });

  const frame = sheet("Your devices", "devices",
    el("p", {}, "Devices that you add have the same notes, each with its own copy. One that is lost takes nothing with it."),
    add, handing,
    el("div", { class: "search devices-restore" },
      el("label", { for: input.id }, "New here? Paste the link that another device shows"), input,
      el("button", { type: "button", class: "button outlined wide", on: { click: submit } }, "Restore")));

  const addDevice = async (): Promise<void> => {
    add.disabled = true;
    try {
      box.show((await home.addDevice()).href, "QR code for your other device");
      add.hidden = true;
      handing.hidden = false;
      box.focus();
    } catch (error) {
      if (!(error instanceof FreeholdError)) throw error;
      frame.close();
      o.problem(error);
    } finally {
      add.disabled = false;
    }
  };

  // A key to everything is not left on a screen that somebody else may open later.
  frame.el.addEventListener("close", () => {
    box.show("", "");
    handing.hidden = true;
    add.hidden = false;
  });

  return { el: frame.el, open: (at) => { frame.open(); (at === "add" ? add : input).focus(); } };
};
