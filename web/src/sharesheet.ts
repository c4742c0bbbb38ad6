// The share sheet: a link that reads or a link that writes, and what whoever holds it can do.

import { FreeholdError, type Doc } from "freehold";
import { el, freshId } from "./dom.ts";
import { icon } from "./icons.ts";
import type { NoteType } from "./note.ts";
import { sheet } from "./sheet.ts";

type Can = "read" | "write";

export interface ShareSheet {
  readonly el: HTMLElement;
  open(doc: Doc<NoteType>): Promise<void>;
}

export const shareSheet = (o: { readonly problem: (error: FreeholdError) => void; readonly say: (words: string) => void }): ShareSheet => {
  const name = freshId("can");
  const option = (can: Can, label: string): HTMLInputElement =>
    el("input", { type: "radio", name, value: can, id: `${name}-${can}`, "aria-label": label, on: { change: () => show(can) } });
  const read = option("read", "Read"), write = option("write", "Write");
  const shown = el("output", { class: "link-text" });
  const whole = el("textarea", { class: "link-whole", "aria-label": "The whole link", readonly: true, rows: 3, hidden: true });
  const copyLabel = el("span", {}, "Copy link");
  const copy = el("button", { type: "button", class: "button primary wide", on: { click: () => void copyLink() } }, icon("link"), copyLabel);
  const whoever = el("span", {});
  const linkByCan = new Map<Can, string>();
  let current: Can = "read";

  const frame = sheet("Share this note", "share",
    el("fieldset", { class: "segments" }, el("legend", { class: "visually-hidden" }, "What the link allows"),
      read, el("label", { for: `${name}-read` }, "Read"), write, el("label", { for: `${name}-write` }, "Write")),
    el("div", { class: "link-box" }, shown), whole, copy,
    el("p", { class: "fine" }, "The key is after the #. The relay never gets it. ", whoever));

  const show = (can: Can): void => {
    current = can;
    (can === "read" ? read : write).checked = true;
    shown.textContent = elide(linkByCan.get(can) ?? "");
    whoever.textContent = `Anyone with this link can ${can}.`;
    copyLabel.textContent = "Copy link";
    whole.hidden = true;
  };

  const copyLink = async (): Promise<void> => {
    const link = linkByCan.get(current);
    if (link === undefined) return;
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
    el: frame.el,
    async open(doc) {
      linkByCan.clear();
      const writes = doc.rights !== "read";
      write.disabled = !writes;
      try {
        linkByCan.set("read", (await doc.link("read")).href);
        if (writes) linkByCan.set("write", (await doc.link("write")).href);
      } catch (error) {
        if (error instanceof FreeholdError) return o.problem(error);
        throw error;
      }
      show(writes ? "write" : "read");
      frame.open();
      copy.focus();
    },
  };
};

/** The link with its middle left out: where it leads and its last letters, which is what people compare. */
export const elide = (link: string): string => {
  const plain = link.replace(/^https?:\/\//, "");
  return plain.length <= 40 ? plain : `${plain.slice(0, 27)}…${plain.slice(-10)}`;
};
