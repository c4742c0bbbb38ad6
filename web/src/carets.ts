// Where others are in a text: a coloured caret with a name. A text area cannot show a second caret, so a copy of the text lies
// behind it, transparent but for the carets. Positions are those of the shown text, in UTF-16 units.

import { el } from "./dom.ts";

/** Above this a copy of the text with each key press would cost a frame. */
const LONGEST = 20_000;

export interface Caret {
  readonly at: number;
  readonly name: string;
  readonly colour: number;
}

export class Carets {
  readonly #host: HTMLElement;
  #layer: HTMLElement | null = null;

  constructor(host: HTMLElement) {
    this.#host = host;
  }

  show(text: string, carets: readonly Caret[]): void {
    this.#layer?.remove();
    this.#layer = null;
    if (carets.length === 0 || text.length > LONGEST) return;
    const layer = el("div", { class: "carets", "aria-hidden": "true" });
    let at = 0;
    for (const caret of [...carets].sort((a, b) => a.at - b.at)) {
      const to = Math.min(Math.max(caret.at, at), text.length);
      layer.append(text.slice(at, to), el("span", { class: "caret", "data-colour": caret.colour }, el("bdi", { class: "caret-name" }, caret.name)));
      at = to;
    }
    layer.append(text.slice(at));
    this.#host.prepend(layer);
    this.#layer = layer;
  }
}
