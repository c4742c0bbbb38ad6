// The problem bar: what went wrong, what to do about it, and a way to carry the note out of harm's way.

import type { FreeholdError } from "freehold";
import { el } from "./dom.ts";
import { icon } from "./icons.ts";

/** One way out of a problem. */
export interface Way {
  readonly label: string;
  readonly run: () => void;
}

export interface ProblemBar {
  readonly el: HTMLElement;
  /** Shows a problem until it is dismissed, another one comes or `clear` is called. */
  show(problem: FreeholdError, way?: Way): void;
  /** What leads out of a problem has changed; nothing happens unless it is the one shown. */
  offer(problem: FreeholdError, way: Way | undefined): void;
  clear(): void;
}

/** Problems in which the words on the screen may be the only copy. */
const IN_DANGER: ReadonlySet<string> = new Set(["quota", "storage-lost", "evicted", "blocked", "core-restarted", "closed", "too-large", "invalid"]);

/** What the owner did with the note: news, and nothing that went wrong. */
const NEWS: ReadonlySet<string> = new Set(["moved", "deleted"]);

/** A headline of our own where the storyboard has one; the error's own words otherwise. */
const headline = (problem: FreeholdError): string => (problem.code === "quota" ? "Not saved: disk full" : sentence(problem.message));

const sentence = (text: string): string => {
  const words = text.trim();
  const capital = words.charAt(0).toUpperCase() + words.slice(1);
  return /[.!?…]$/.test(capital) || capital === "" ? capital : `${capital}.`;
};

export const problemBar = (o: { readonly download: () => void }): ProblemBar => {
  const words = el("strong", {}), hint = el("span", {});
  const copy = el("button", { type: "button", class: "button", on: { click: o.download } }, icon("download"), "Download a copy");
  const out = el("button", { type: "button", class: "button", on: { click: () => leave() } });
  let leave = (): void => undefined;
  const root = el("div", { class: "problem", role: "alert", hidden: true },
    el("p", {}, words, hint),
    el("div", { class: "problem-actions" }, copy, out, el("button", { type: "button", class: "icon-button", "aria-label": "Dismiss", on: { click: () => clear() } }, icon("close"))));
  let shown: FreeholdError | null = null;
  const clear = (): void => {
    root.hidden = true;
  };
  const offer = (problem: FreeholdError, way: Way | undefined): void => {
    if (shown !== problem) return;
    hint.textContent = problem.code === "moved" && way !== undefined ? "The new one is here. What you write in this one stays with those who have not moved on." : sentence(problem.hint);
    out.hidden = way === undefined;
    if (way === undefined) return;
    out.textContent = way.label;
    leave = way.run;
  };
  return {
    el: root,
    show(problem, way) {
      // A status repeats its problem with every change: one that was dismissed stays so.
      if (shown === problem) return;
      shown = problem;
      words.textContent = headline(problem);
      root.classList.toggle("news", NEWS.has(problem.code));
      copy.hidden = !IN_DANGER.has(problem.code);
      offer(problem, way);
      root.hidden = false;
    },
    offer,
    clear() {
      shown = null;
      clear();
    },
  };
};
