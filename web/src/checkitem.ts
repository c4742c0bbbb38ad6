// One line of the checklist: grip, box, text, delete.

import type { FreeholdError } from "freehold";
import { el } from "./dom.ts";
import { icon } from "./icons.ts";
import { TextField, type TextPort } from "./textfield.ts";

/** What an item asks of its list. All of it is about the item with this id. */
export interface CheckItemActions {
  tick(id: string, done: boolean): void;
  /** Enter: a new item after this one takes the text behind the caret. */
  split(id: string, at: number): void;
  /** Backspace in an empty item, or the delete button. `keyboard`: the focus goes to the item before. */
  remove(id: string, keyboard: boolean): void;
  /** Alt with an arrow: one place up or down. */
  nudge(id: string, by: -1 | 1): void;
  /** Up or down without Alt at the first or last line: to the neighbour. */
  leave(id: string, by: -1 | 1): boolean;
  /** Several lines were pasted at the caret: the first stays here, the others become items. */
  pasteLines(id: string, lines: readonly string[]): void;
  grab(id: string, event: PointerEvent): void;
  refused(error: FreeholdError): void;
}

export interface CheckItem {
  readonly el: HTMLLIElement;
  readonly field: TextField;
  show(done: boolean, position: number, count: number): void;
  setReadOnly(on: boolean): void;
}

export const checkItem = (id: string, port: TextPort, act: CheckItemActions): CheckItem => {
  const field = new TextField({ label: "Item", placeholder: "", className: "item-text", onRefused: act.refused });
  const box = el("input", { type: "checkbox", class: "tick", on: { change: () => act.tick(id, box.checked) } });
  const grip = el("button", { type: "button", class: "grip", title: "Drag, or Alt and arrow keys", on: { pointerdown: (event) => act.grab(id, event), keydown: nudged } }, icon("grip"));
  // The press leaves the focus where it is: on a narrow page the button is there only while the item is edited.
  const remove = el("button", { type: "button", class: "icon-button remove", on: { pointerdown: (event) => event.preventDefault(), click: () => act.remove(id, false) } }, icon("close"));
  const row = el("li", { class: "item" }, grip, el("label", { class: "tick-target" }, box), field.el, remove);

  function nudged(event: KeyboardEvent): void {
    if (event.key !== "ArrowUp" && event.key !== "ArrowDown") return;
    event.preventDefault();
    act.nudge(id, event.key === "ArrowUp" ? -1 : 1);
  }

  const area = field.area;
  area.enterKeyHint = "next";
  row.addEventListener("keydown", (event) => {
    if (event.altKey && (event.key === "ArrowUp" || event.key === "ArrowDown") && event.target !== grip) nudged(event);
  });
  area.addEventListener("keydown", (event) => {
    if (event.isComposing || event.altKey || event.ctrlKey || event.metaKey) return;
    const { selectionStart: start, selectionEnd: end, value } = area;
    if (event.key === "Enter") {
      event.preventDefault();
      act.split(id, start);
    } else if (event.key === "Backspace" && value === "") {
      event.preventDefault();
      act.remove(id, true);
    } else if (event.key === "ArrowUp" && start === end && start === 0) {
      if (act.leave(id, -1)) event.preventDefault();
    } else if (event.key === "ArrowDown" && start === end && end === value.length) {
      if (act.leave(id, 1)) event.preventDefault();
    }
  });
  area.addEventListener("paste", (event) => {
    const lines = (event.clipboardData?.getData("text/plain") ?? "").split(/\r\n?|\n/).filter((line) => line.trim() !== "");
    if (lines.length < 2) return;
    event.preventDefault();
    act.pasteLines(id, lines);
  });
  field.bind(port);

  return {
    el: row,
    field,
    show(done, position, count) {
      if (box.checked !== done) box.checked = done;
      row.classList.toggle("done", done);
      const place = `${position} of ${count}`;
      area.setAttribute("aria-label", `Item ${place}`);
      box.setAttribute("aria-label", `Item ${place} done`);
      grip.setAttribute("aria-label", `Move item ${place}`);
      remove.setAttribute("aria-label", `Delete item ${place}`);
    },
    setReadOnly(on) {
      field.setReadOnly(on);
      box.disabled = on;
      grip.hidden = remove.hidden = on;
    },
  };
};
