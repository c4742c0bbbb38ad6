// The share sheet: a link that reads or a link that writes, and what whoever holds it can do.

import { FreeholdError, type Doc } from "freehold";
import { el, freshId } from "./dom.ts";
import { linkBox } from "./linkbox.ts";
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
  const box = linkBox(o);
  const whoever = el("span", {});
  const linkByCan = new Map<Can, string>();

  const frame = sheet("Share this note", "share",
    el("fieldset", { class: "segments" }, el("legend", { class: "visually-hidden" }, "What the link allows"),
      read, el("label", { for: `${name}-read` }, "Read"), write, el("label", { for: `${name}-write` }, "Write")),
    box.el,
    el("p", { class: "fine" }, "The key is after the #. The relay never gets it. ", whoever));

  const show = (can: Can): void => {
    (can === "read" ? read : write).checked = true;
    box.show(linkByCan.get(can) ?? "", `QR code of a link that can ${can}`);
    whoever.textContent = `Anyone with this link can ${can}.`;
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
      box.focus();
    },
  };
};
