// A short message at the bottom with at most one thing to do, for what can still be undone.

import { el } from "./dom.ts";
import { icon } from "./icons.ts";

export interface ToastOptions {
  readonly words: string;
  readonly action?: { readonly label: string; readonly run: () => void };
  /** Milliseconds; it waits while the pointer or the focus is on it. Left out: until somebody decides. */
  readonly ms?: number;
  /** About the note on the page: it goes away with that note. */
  readonly ofNote?: boolean;
  /** Called once when it goes away without its action: time ran out, it was dismissed, or another one came. */
  readonly gone?: () => void;
}

export interface Toasts {
  readonly el: HTMLElement;
  show(o: ToastOptions): void;
  /** Sends away a toast that is about the note on the page. */
  leaveNote(): void;
}

export const toasts = (): Toasts => {
  const root = el("div", { class: "toasts", role: "status" });
  let settle: (() => void) | null = null, ofNote = false;
  return {
    el: root,
    show(o) {
      settle?.();
      let timer = 0, over = false;
      const end = (acted: boolean): void => {
        if (over) return;
        over = true;
        settle = null;
        clearTimeout(timer);
        toast.remove();
        if (!acted) o.gone?.();
      };
      const wait = (): void => {
        clearTimeout(timer);
        if (o.ms !== undefined) timer = window.setTimeout(() => end(false), o.ms);
      };
      const hold = (): void => clearTimeout(timer);
      const toast = el("div", { class: "toast", on: { pointerenter: hold, pointerleave: wait, focusin: hold, focusout: wait } },
        el("p", {}, o.words),
        o.action === undefined ? null : el("button", { type: "button", class: "button", on: { click: () => { end(true); o.action?.run(); } } }, o.action.label),
        el("button", { type: "button", class: "icon-button", "aria-label": "Dismiss", on: { click: () => end(false) } }, icon("close")));
      root.append(toast);
      settle = () => end(false);
      ofNote = o.ofNote === true;
      wait();
    },
    leaveNote: () => { if (ofNote) settle?.(); },
  };
};
