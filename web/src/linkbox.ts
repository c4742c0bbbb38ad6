// A link to hand over: a code for a camera, the words for the eye, and a button that copies it.

import { el } from "./dom.ts";
import { icon } from "./icons.ts";
import { qrCode } from "./qrcode.ts";

export interface LinkBox {
  readonly el: HTMLElement;
  /** `name`: what the code is, for who does not see it. */
  show(link: string, name: string): void;
  focus(): void;
}

export const linkBox = (o: { readonly say: (words: string) => void }): LinkBox => {
  const code = el("div", { class: "link-code" });
  const shown = el("output", { class: "link-text" });
  const whole = el("textarea", { class: "link-whole", "aria-label": "The whole link", readonly: true, rows: 3, hidden: true });
  const copyLabel = el("span", {}, "Copy link");
  const copy = el("button", { type: "button", class: "button primary wide", on: { click: () => void copyLink() } }, icon("link"), copyLabel);
  let link = "";

  const copyLink = async (): Promise<void> => {
    if (link === "") return;
    try {
      await navigator.clipboard.writeText(link);
      copyLabel.textContent = "Copied";
      o.say("Link copied");
    } catch {
      // No clipboard (no permission, or an old browser): the person copies by hand.
      whole.hidden = false;
      whole.value = link;
      whole.focus();
      whole.select();
    }
  };

  return {
    el: el("div", { class: "link-handing" }, code, el("div", { class: "link-box" }, shown), whole, copy),
    show(to, name) {
      link = to;
      const picture = link === "" ? null : qrCode(link, name);
      code.replaceChildren(...(picture === null ? [] : [picture]));
      code.hidden = picture === null;
      shown.textContent = elide(link);
      copyLabel.textContent = "Copy link";
      whole.hidden = true;
    },
    focus: () => copy.focus(),
  };
};

/** The link with its middle left out: where it leads and its last letters, which is what people compare. */
export const elide = (link: string): string => {
  const plain = link.replace(/^https?:\/\//, "");
  return plain.length <= 40 ? plain : `${plain.slice(0, 27)}…${plain.slice(-10)}`;
};
