// The view of a document as a tree of nodes, one per container. Patches write to nodes; `view` gives frozen values.
//
// A node that changed is dirty, and so are all above it. A dirty node makes a new value from what its children give; a clean one
// gives the same value again: that is all of structural sharing.
//
// A node exists for each child that the schema declares, looked at or not; `container` is −1 until somebody has written to it.

import type { Span } from "../core/patch.ts";
import type { ChildDef } from "./fields.ts";

/** What nodes need of the document around them. */
export interface NodeHost {
  /** The newest text of a container. */
  readText(container: number): string;
  /** Units [from, to) of a rich text with their marks. */
  readSpans(container: number, from: number, to: number): readonly Span[];
}

export abstract class Node {
  abstract readonly def: ChildDef;
  readonly host: NodeHost;
  /** Changes only where a node of a tree moves. */
  parent: Node | null;
  container: number;
  dirty = true;
  /** The editor that drafts use, made when first asked for and used again. */
  editor: unknown = null;

  constructor(host: NodeHost, parent: Node | null, container: number) {
    this.host = host;
    this.parent = parent;
    this.container = container;
  }

  abstract view(): unknown;
  /** Takes over the values of the node that was here before the core was rebuilt, wherever they are equal. */
  abstract inherit(old: Node): void;

  /** Stops at the first dirty node: all above it are dirty already. */
  touch(): void {
    let node: Node | null = this;
    while (node !== null && !node.dirty) {
      node.dirty = true;
      node = node.parent;
    }
  }
}

/** Register values are JSON and bytes of bounded depth. */
export const sameValue = (a: unknown, b: unknown): boolean => {
  if (Object.is(a, b)) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null || Array.isArray(a) !== Array.isArray(b)) return false;
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((k) => Object.hasOwn(b, k) && sameValue(Reflect.get(a, k), Reflect.get(b, k)));
};
export const sameEntries = (a: object, b: object): boolean => {
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((k) => Object.hasOwn(b, k) && Object.is(Reflect.get(a, k), Reflect.get(b, k)));
};
