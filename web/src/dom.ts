// The few helpers that stand between the app and the DOM. Text goes in as text nodes, never as markup.

type Listeners = { readonly [K in keyof HTMLElementEventMap]?: (event: HTMLElementEventMap[K]) => void };

/** Attributes (false leaves one out, true writes it empty) and, under `on`, listeners. */
export interface Props {
  readonly [attribute: string]: string | number | boolean | Listeners | undefined;
  readonly on?: Listeners;
}

export type Child = Node | string | null;

export const el = <K extends keyof HTMLElementTagNameMap>(tag: K, props: Props = {}, ...children: readonly Child[]): HTMLElementTagNameMap[K] => {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (name === "on") {
      for (const [type, listener] of Object.entries(value as Listeners)) node.addEventListener(type, listener as EventListener);
    } else if (value !== false && value !== undefined) {
      node.setAttribute(name, value === true ? "" : String(value));
    }
  }
  for (const child of children) if (child !== null) node.append(child);
  return node;
};

let lastId = 0;
/** An id that no other element of this page has. */
export const freshId = (prefix: string): string => `${prefix}-${++lastId}`;

/** Makes `parent` hold exactly `nodes` in this order. Nodes that stay in place are not touched, so focus and drags survive. */
export const arrange = (parent: Element, nodes: readonly Element[]): void => {
  const wanted = new Set(nodes);
  for (const child of [...parent.children]) if (!wanted.has(child)) child.remove();
  const focused = document.activeElement instanceof HTMLElement && parent.contains(document.activeElement) ? document.activeElement : null;
  nodes.forEach((node, i) => {
    if (parent.children[i] !== node) parent.insertBefore(node, parent.children[i] ?? null);
  });
  if (focused !== null && document.activeElement !== focused) focused.focus({ preventScroll: true });
};

/** Gives a blob to the person as a file. */
export const download = (blob: Blob, name: string): void => {
  const url = URL.createObjectURL(blob);
  el("a", { href: url, download: name }).click();
  // The download reads the blob after this turn; a minute is ample and bounds what a long session holds.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
};

export const plural = (n: number, one: string): string => `${n} ${one}${n === 1 ? "" : "s"}`;

export const reducedMotion = (): boolean => matchMedia("(prefers-reduced-motion: reduce)").matches;
