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

type Range = readonly [from: number, to: number];

export class Glow {
  readonly #host: HTMLElement;
  #layer: HTMLElement | null = null;
  #ranges: Range[] = [];
  #timer = 0;

  constructor(host: HTMLElement) {
    this.#host = host;
  }

  /** `text` is the text after all of `splices`. */
  add(text: string, splices: readonly Splice[], map: (from: number, to: number, splice: Splice) => Range): void {
    if (reducedMotion() || text.length > LONGEST) return this.clear();
    for (const splice of splices) {
      this.#ranges = this.#ranges.map(([from, to]) => map(from, to, splice));
      if (splice.inserted > 0) this.#ranges.push([splice.at, splice.at + splice.inserted]);
    }
    this.#ranges = this.#ranges.filter(([from, to]) => to > from).sort((a, b) => a[0] - b[0]);
    if (this.#ranges.length === 0) return;
    this.#draw(text);
    clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => this.clear(), GLOW_MS);
  }

  clear(): void {
    clearTimeout(this.#timer);
    this.#layer?.remove();
    this.#layer = null;
    this.#ranges = [];
  }

  #draw(text: string): void {
    const layer = el("div", { class: "glow", "aria-hidden": "true" });
    let at = 0;
    for (const [from, to] of this.#ranges) {
      if (to <= at) continue;
      layer.append(text.slice(at, Math.max(at, from)), el("span", { class: "glow-range" }, text.slice(Math.max(at, from), to)));
      at = to;
    }
    layer.append(text.slice(at));
    this.#layer?.remove();
    this.#host.prepend(layer);
    this.#layer = layer;
  }
}
