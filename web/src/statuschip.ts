// The status chip: how far the newest edit got, in words.
//
// Words that claim less than before show at once; words that claim more wait until they held for a moment, so that typing
// does not flicker and the chip never runs ahead of the truth. Screen readers hear only what came to rest.

import { el, reducedMotion } from "./dom.ts";
import type { ChipWords } from "./words.ts";

const HOLD_MS = 250;
const SPEAK_MS = 1500;

export interface StatusChip {
  readonly el: HTMLElement;
  show(words: ChipWords): void;
}

export const statusChip = (): StatusChip => {
  const seen = el("span", { class: "chip-words", "aria-hidden": "true" });
  const spoken = el("span", { class: "visually-hidden" });
  const root = el("div", { class: "chip", role: "status", "aria-label": "Saved state" }, el("span", { class: "chip-dot", "aria-hidden": "true" }), seen, spoken);
  let wanted: ChipWords | null = null;
  let hold = 0, speak = 0;

  const put = (words: ChipWords): void => {
    root.dataset["tone"] = words.tone;
    if (seen.textContent === words.text) return;
    seen.textContent = words.text;
    if (!reducedMotion()) seen.animate([{ opacity: 0 }, { opacity: 1 }], { duration: 120, easing: "ease-out" });
    clearTimeout(speak);
    speak = window.setTimeout(() => { spoken.textContent = words.text; }, SPEAK_MS);
  };

  return {
    el: root,
    show(words) {
      if (wanted?.text === words.text && wanted.tone === words.tone) return;
      const first = wanted === null;
      wanted = words;
      clearTimeout(hold);
      if (first || words.tone !== "good" && words.text !== "Saved here") put(words);
      else hold = window.setTimeout(() => put(words), HOLD_MS);
    },
  };
};
