// Dragging a row of a list up and down with a pointer (mouse, pen or finger). The rows make room where it would land.

/**
 * Follows the pointer of `start` until it is released. `drop` hears the index the row would have among the others; it is not
 * called when the row was not moved or the drag was cancelled (Escape, or the system took the pointer).
 */
export const drag = (start: PointerEvent, row: HTMLElement, list: HTMLElement, drop: (to: number) => void): void => {
  if (start.button !== 0) return;
  const grip = start.currentTarget as HTMLElement;
  const others = [...list.children].filter((other): other is HTMLElement => other !== row && other instanceof HTMLElement);
  const from = [...list.children].indexOf(row);
  const middles = others.map((other) => { const box = other.getBoundingClientRect(); return box.top + box.height / 2; });
  const box = row.getBoundingClientRect();
  const pointer = start.pointerId;
  let to = from;

  const move = (event: PointerEvent): void => {
    if (event.pointerId !== pointer) return;
    const by = event.clientY - start.clientY;
    row.style.transform = `translateY(${by}px)`;
    const centre = box.top + box.height / 2 + by;
    to = middles.filter((middle) => middle < centre).length;
    others.forEach((other, i) => {
      const shift = i >= to && i < from ? box.height : i < to && i >= from ? -box.height : 0;
      other.style.transform = shift === 0 ? "" : `translateY(${shift}px)`;
    });
  };
  const end = (keep: boolean): void => {
    stop.abort();
    row.classList.remove("dragged");
    list.classList.remove("dragging");
    for (const each of [row, ...others]) each.style.transform = "";
    if (keep && to !== from) drop(to);
  };

  const stop = new AbortController(), { signal } = stop;
  grip.setPointerCapture(pointer);
  grip.addEventListener("pointermove", move, { signal });
  grip.addEventListener("pointerup", () => end(true), { signal });
  grip.addEventListener("pointercancel", () => end(false), { signal });
  window.addEventListener("keydown", (event) => { if (event.key === "Escape") end(false); }, { signal, capture: true });
  row.classList.add("dragged");
  list.classList.add("dragging");
  start.preventDefault();
  grip.focus({ preventScroll: true });
};
