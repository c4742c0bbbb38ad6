// `doc.at`: stable references to texts, for editors. A reference is a path; it finds its node each time it is used.

import { Kind } from "../core/commands.ts";
import { FreeholdError } from "../errors.ts";
import type { TextRef, TextSplice, TextView } from "../types.ts";
import type { Def, ObjectDef } from "./fields.ts";
import { GapBuffer } from "./gapbuffer.ts";
import { ListNode, ObjectNode } from "./nodes.ts";
import { RichTextNode, TextNode } from "./textnode.ts";
import { TreeNode } from "./treenode.ts";
import type { Splice } from "./pinnedtext.ts";
import type { PinnedRichText } from "./richtext.ts";

/** What references need of their document. */
export interface RefHost {
  /** The root of the present mirror; another one after the core was rebuilt. */
  readonly root: ObjectNode;
  readText(node: TextNode, from: number, to: number): string;
  /** Observations live as long as the document. */
  readonly observations: Set<Observation>;
}

/** One `observe` call. */
export class Observation {
  readonly #host: RefHost;
  readonly #find: () => TextNode | null;
  readonly #f: (splices: readonly TextSplice[], local: boolean) => void;
  #node: TextNode | null = null;
  /** The text as the observer has it. */
  #length = 0;

  constructor(host: RefHost, find: () => TextNode | null, f: (splices: readonly TextSplice[], local: boolean) => void) {
    this.#host = host;
    this.#find = find;
    this.#f = f;
    host.observations.add(this);
    this.#attach();
  }
  stop(): void {
    this.#node?.unobserve(this);
    this.#node = null;
    this.#host.observations.delete(this);
  }
  /** The core was rebuilt: whatever the observer has is replaced by what is there. */
  moved(): void {
    const before = this.#length;
    this.#node?.unobserve(this);
    this.#attach();
    this.#f([{ at: 0, delete: before, insert: this.#node === null ? "" : this.#node.read() }], false);
  }
  /** What happened to its node. Must: calls come in the order of the changes. */
  tell(splices: readonly TextSplice[], local: boolean): void {
    for (const s of splices) this.#length += s.insert.length - s.delete;
    this.#f(splices, local);
  }
  #attach(): void {
    this.#node = this.#find();
    this.#node?.observe(this);
    this.#length = this.#node?.length ?? 0;
  }
}

/** Patches say how much came in, not what: that is read from the present text, undoing later splices to see earlier ones. */
export const withInserted = (host: Pick<RefHost, "readText">, node: TextNode, splices: readonly Splice[]): readonly TextSplice[] => {
  const [only] = splices;
  if (only === undefined) return []; // only marks changed
  if (splices.length === 1) {
    return [{ at: only.at, delete: only.deleted.length, insert: only.inserted === 0 ? "" : host.readText(node, only.at, only.at + only.inserted) }];
  }
  const text = new GapBuffer(node.view().toString());
  const told: TextSplice[] = [];
  for (const s of splices.toReversed()) {
    told.push({ at: s.at, delete: s.deleted.length, insert: text.slice(s.at, s.inserted) });
    text.splice(s.at, s.inserted, s.deleted);
  }
  return told.reverse();
};

class TextHandle implements Omit<TextRef, "value"> {
  readonly path: string;
  readonly #host: RefHost;
  readonly #find: () => TextNode | null;

  constructor(host: RefHost, path: string, find: () => TextNode | null) {
    this.#host = host;
    this.path = path;
    this.#find = find;
  }
  get value(): TextView | PinnedRichText {
    return this.#there().view();
  }
  observe(f: (splices: readonly TextSplice[], local: boolean) => void): () => void {
    this.#there();
    const observation = new Observation(this.#host, this.#find, f);
    return () => observation.stop();
  }
  #there(): TextNode {
    const node = this.#find();
    if (node === null) throw new FreeholdError("not-found", `there is no ${this.path}`, "its item was deleted: check that the list still has it");
    return node;
  }
}

/** The references inside an object; made as they are asked for, the same ones every time. */
export const refsOf = (host: RefHost, def: ObjectDef, path: string, find: () => ObjectNode | null): object => {
  const refs = {};
  def.shape.fields.forEach((field, i) => {
    const at = `${path}${def.shape.keys[i]}`;
    const child = (): unknown => find()?.child(i) ?? null;
    let made: unknown;
    const make = makerOf(host, field, at, child);
    if (make !== null) Object.defineProperty(refs, def.shape.keys[i]!, { enumerable: true, get: () => (made ??= make()) });
  });
  return Object.freeze(refs);
};

const makerOf = (host: RefHost, field: Def, path: string, find: () => unknown): (() => unknown) | null => {
  const as = <N>(type: abstract new (...args: never[]) => N) => (): N | null => {
    const node = find();
    return node instanceof type ? node : null;
  };
  if (field.kind === Kind.text) return () => new TextHandle(host, path, as(TextNode));
  if (field.kind === Kind.richText) return () => new TextHandle(host, path, as(RichTextNode));
  if (field.kind === Kind.map) return () => refsOf(host, field, `${path}/`, as(ObjectNode));
  if ((field.kind !== Kind.list && field.kind !== Kind.tree) || field.of.kind !== Kind.map) return null;
  const { of } = field;
  if (field.kind === Kind.tree) {
    const tree = as(TreeNode);
    return () => Object.freeze({ node: (id: string) => refsOf(host, of, `${path}/${id}/`, () => tree()?.byId(id)?.item.node ?? null) });
  }
  const list = as(ListNode);
  return () => Object.freeze({ item: (id: string) => refsOf(host, of, `${path}/${id}/`, () => list()?.byId(id)?.node ?? null) });
};
