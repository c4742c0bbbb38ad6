// Merged ranges glow once: for 600 ms what others wrote lies on a tint of the accent.
//
// A text area cannot tint a part of its text, so a copy of the text lies behind it, transparent but for the ranges. It exists
// only while something glows. Positions are those of the shown text, in UTF-16 units.

import { el, reducedMotion } from "./dom.ts";
import type { Splice } from "./splice.ts";

/** Matches the animation of .glow in style/note.css. */
const GLOW_MS = 600;
/** Above this a copy of the text would cost a frame; the caret and the words are right all the same. */
const LONGEST = 60_000;

interface Range {
  readonly from: number;
  readonly to: number;
  /** When it was merged, by performance.now(). */
  readonly born: number;
}

export class Glow {
  readonly #host: HTMLElement;
  #layer: HTMLElement | null = null;
  #ranges: Range[] = [];
  #timer = 0;

  constructor(host: HTMLElement) {
    this.#host = host;
  }

  /** `text` is the text after all of `splices`. */
  add(text: string, splices: readonly Splice[], map: (from: number, to: number, splice: Splice) => readonly [number, number]): void {
    if (reducedMotion() || text.length > LONGEST) return this.clear();
    const now = performance.now();
    for (const splice of splices) {
      this.#ranges = this.#ranges.map((range) => {
        const [from, to] = map(range.from, range.to, splice);
        return { from, to, born: range.born };
      });
      if (splice.inserted > 0) this.#ranges.push({ from: splice.at, to: splice.at + splice.inserted, born: now });
    }
    this.#ranges = this.#ranges.filter(({ from, to, born }) => to > from && now - born < GLOW_MS).sort((a, b) => a.from - b.from);
    if (this.#ranges.length === 0) return;
    this.#draw(text, now);
    clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => this.clear(), GLOW_MS);
  }

  clear(): void {
    clearTimeout(this.#timer);
    this.#layer?.remove();
    this.#layer = null;
    this.#ranges = [];
  }

  #draw(text: string, now: number): void {
    const layer = el("div", { class: "glow", "aria-hidden": "true" });
    let at = 0;
    for (const { from, to, born } of this.#ranges) {
      if (to <= at) continue;
      const span = el("span", { class: "glow-range" }, text.slice(Math.max(at, from), to));
      // Drawn anew with every merge, but each range glows once.
      span.style.animationDelay = `${born - now}ms`;
      layer.append(text.slice(at, Math.max(at, from)), span);
      at = to;
    }
    layer.append(text.slice(at));
    this.#layer?.remove();
    this.#host.prepend(layer);
    this.#layer = layer;
  }
}
