// The bar above a note: way back, status, tunnel, sharing, and a menu for the rest.

import { el, freshId, type Child } from "./dom.ts";
import { icon, type IconName } from "./icons.ts";

export interface TopBarOptions {
  readonly chip: HTMLElement;
  readonly people: HTMLElement;
  readonly tunnel: HTMLElement;
  readonly share: () => void;
  /** Null where a second origin on this machine does not exist. */
  readonly secondDevice: (() => void) | null;
  readonly relaySees: () => void;
  readonly exportNote: () => void;
  readonly yourName: () => void;
  readonly install: () => void;
  readonly forget: () => void;
  readonly relink: () => void;
  readonly deleteNote: () => void;
}

export interface TopBar {
  readonly el: HTMLElement;
  /** Which actions make sense now: a note is there, it is one's own, the browser would install the app. */
  offer(o: { readonly note: boolean; readonly owner: boolean; readonly install: boolean }): void;
}

export const topBar = (o: TopBarOptions): TopBar => {
  const menuId = freshId("menu");
  const button = (name: IconName, label: string, run: () => void, className = ""): HTMLButtonElement =>
    el("button", { type: "button", class: `button ${className}`, "aria-label": label, on: { click: run } }, icon(name), el("span", { class: "label" }, label));
  const entry = (name: IconName, label: string, run: () => void, className = ""): HTMLButtonElement =>
    el("button", { type: "button", class: `menu-entry ${className}`, on: { click: () => { menu.hidePopover(); run(); } } }, icon(name), label);

  const share = button("share", "Share", o.share);
  const second = o.secondDevice === null ? null : button("device", "Second device", o.secondDevice, "wide-only");
  const secondEntry = o.secondDevice === null ? null : entry("device", "Second device", o.secondDevice, "narrow-only");
  const sees = entry("eye", "What the relay sees", o.relaySees);
  const save = entry("download", "Export", o.exportNote);
  const yourName = entry("person", "Your name", o.yourName);
  const install = entry("install", "Install", o.install);
  const relink = entry("key", "Move to new keys", o.relink);
  const forget = entry("forget", "Forget on this device", o.forget, "danger");
  const erase = entry("delete", "Delete for everyone", o.deleteNote, "danger");
  const menu = el("div", { class: "menu", id: menuId, popover: "auto" }, ...[secondEntry, sees, save, relink, yourName, install, forget, erase].filter((child): child is HTMLButtonElement => child !== null));
  const more = el("button", { type: "button", class: "icon-button", "aria-label": "More", popovertarget: menuId }, icon("more"));
  const back: Child = el("a", { class: "icon-button back", href: "#notes", "aria-label": "All notes" }, icon("back"));

  return {
    el: el("header", { class: "topbar" }, back, o.chip, o.people, el("div", { class: "topbar-actions" }, o.tunnel, second, share, more, menu)),
    offer({ note, owner, install: installable }) {
      for (const each of [share, second, secondEntry, sees, save, forget]) if (each !== null) each.hidden = !note;
      for (const each of [relink, erase]) each.hidden = !owner;
      install.hidden = !installable;
    },
  };
};
