// Texts in the mirror.

import type { TextSplice, TextView } from "../types.ts";
import type { RichTextDef, TextDef } from "./fields.ts";
import { Node, type NodeHost } from "./node.ts";
import { type PinnedText, type TextSource, Trail } from "./pinnedtext.ts";
import { PinnedRichText, Runs, toRuns } from "./richtext.ts";

export class TextNode extends Node implements TextSource {
  readonly def: TextDef | RichTextDef;
  length = 0;
  readonly #trail: Trail = new Trail(this);
  #observers: Set<TextObserver> | null = null;

  constructor(def: TextDef | RichTextDef, host: NodeHost, parent: Node, container: number) {
    super(host, parent, container);
    this.def = def;
  }

  /** The whole text from the core. */
  read(): string {
    return this.container < 0 ? "" : this.host.readText(this.container);
  }
  view(): TextView | PinnedRichText {
    return this.pinned();
  }
  protected pinned(): PinnedText {
    this.dirty = false;
    return this.#trail.version(this.length);
  }
  splice(at: number, inserted: number, deleted: string): void {
    this.length += inserted - deleted.length;
    this.#trail.splice(at, inserted, deleted);
    this.touch();
  }
  /** The core is about to go: what somebody holds must be readable after it. */
  keep(): void {
    this.#trail.keep();
  }
  inherit(old: Node): void {
    if (old instanceof TextNode && old.#trail.given) old.#trail.handOver(this.#trail, this.read());
  }

  get observers(): ReadonlySet<TextObserver> | null {
    return this.#observers;
  }
  observe(f: TextObserver): void {
    (this.#observers ??= new Set()).add(f);
  }
  unobserve(f: TextObserver): void {
    this.#observers?.delete(f);
    if (this.#observers?.size === 0) this.#observers = null;
  }
}
/** Told of splices after a patch was applied whole. */
export interface TextObserver {
  tell(splices: readonly TextSplice[], local: boolean): void;
}


/** Keeps who has which marks from the first time that somebody looks: an old version must show its own, and the core has only the newest. */
export class RichTextNode extends TextNode {
  declare readonly def: RichTextDef;
  #runs: Runs | null = null;
  #view: PinnedRichText | null = null;

  override view(): PinnedRichText {
    if (!this.dirty && this.#view !== null) return this.#view;
    const text = this.pinned();
    const runs = (this.#runs ??= new Runs(this.length)).settle((from, to) => toRuns(this.def, this.host.readSpans(this.container, from, to)));
    return (this.#view = new PinnedRichText(text, runs));
  }
  override splice(at: number, inserted: number, deleted: string): void {
    super.splice(at, inserted, deleted);
    this.#runs?.splice(at, inserted, deleted.length);
  }
  /** The marks of units [from, to) may be others. */
  marked(from: number, to: number): void {
    this.#runs?.forget(from, to);
    this.touch();
  }
  override inherit(old: Node): void {
    super.inherit(old);
    if (old instanceof RichTextNode && old.#view !== null && this.view().equals(old.#view)) this.#view = old.#view;
  }
}
