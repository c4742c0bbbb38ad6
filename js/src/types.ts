/// <reference lib="esnext.disposable" preserve="true" />
// The public types. `s`, `defineDoc` and `freehold` are values with these types; index.ts exports both.

import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { FreeholdError } from "./errors.ts";
import type { Level, RelayState, Rights } from "./protocol.ts";

/** Carries a field's types without a property that shows up in completion. */
declare const T: unique symbol;

/** One place of a document: what a reader sees, what a writer edits, what creates it, whether it may be left out, how it is referred to. */
export interface Field<View, Draft, In, Opt extends boolean = false, Ref = undefined> {
  readonly [T]?: { view: View; draft: Draft; in: In; opt: Opt; ref: Ref };
}
/** A register: the last writer wins. */
export interface Reg<V, Opt extends boolean = false> extends Field<V, V, V, Opt> {
  /** May be absent: reads give `undefined`, assigning `undefined` removes it. */
  optional(): Reg<V | undefined, true>;
  /** What a reader sees while nobody has written. It is never written itself, so it never duplicates. */
  default(v: V): Reg<V, true>;
}
// Inference over every field needs the top type.
export type AnyField = Field<any, any, any, any, any>;
export type AnyReg = Reg<any, any>;
export type Shape = Record<string, AnyField>;

type Meta<F> = F extends Field<infer V, infer D, infer I, infer O, infer R> ? { view: V; draft: D; in: I; opt: O; ref: R } : never;
type Show<X> = { [K in keyof X]: X[K] } & {};
type RegisterKeys<S extends Shape> = { [K in keyof S]: S[K] extends AnyReg ? K : never }[keyof S];
type OptionalKeys<S extends Shape> = { [K in keyof S]: Meta<S[K]>["opt"] extends true ? K : never }[keyof S];

/** What reading gives: frozen, structurally shared, the same object until it changed. */
export type View<S extends Shape> = Show<{ readonly [K in keyof S]: Meta<S[K]>["view"] }>;
/** What `change` edits: registers are assigned, children are edited in place and never replaced. */
export type Draft<S extends Shape> = Show<
  { [K in RegisterKeys<S>]: Meta<S[K]>["draft"] } & { readonly [K in Exclude<keyof S, RegisterKeys<S>>]: Meta<S[K]>["draft"] }
>;
/** What creates it. */
export type Input<S extends Shape> = Show<
  { [K in Exclude<keyof S, OptionalKeys<S>>]: Meta<S[K]>["in"] } & { [K in OptionalKeys<S>]?: Meta<S[K]>["in"] }
>;
/** Stable references to the places an editor can bind to. */
export type Refs<S extends Shape> = { readonly [K in keyof S as Meta<S[K]>["ref"] extends undefined ? never : K]: Meta<S[K]>["ref"] };

/** A text pinned to its version: it never shows what came later. Positions and lengths count UTF-16 units, as strings do. */
export interface TextView {
  readonly length: number;
  toString(): string;
  /** The same as `toString`, so that JSON.stringify of a value works. */
  toJSON(): string;
  spans(): ReadonlyArray<{ readonly text: string; readonly marks: Readonly<Record<string, unknown>> }>;
}
export interface TextDraft {
  readonly length: number;
  toString(): string;
  insert(at: number, text: string): void;
  delete(at: number, count: number): void;
}

/** A stretch of a rich text with the same marks, or one embed, whose `text` is U+FFFC. */
export interface Span<M = Readonly<Record<string, unknown>>, E = unknown> {
  readonly text: string;
  readonly marks: M;
  /** Only there when it is one. */
  readonly embed?: E;
}
/** A rich text pinned to its version. Frozen; a stretch that did not change is the same object. */
export interface RichTextView<M = Readonly<Record<string, unknown>>, E = never> {
  readonly length: number;
  toString(): string;
  /** The same as `spans`, so that JSON.stringify keeps the marks. */
  toJSON(): ReadonlyArray<Span<M, E>>;
  spans(): ReadonlyArray<Span<M, E>>;
}
/** `In`: what marks may be set to. Positions and lengths count as in a text; an embed is one unit. */
export interface RichTextDraft<In = Readonly<Record<string, unknown>>, E = never> extends TextDraft {
  /** Marks units [from, to); `null` takes that mark off them. A block attribute goes on the newline that ends the line. */
  mark<K extends keyof In & string>(from: number, to: number, key: K, value: In[K] | null): void;
  /** Puts something that is no text in front of unit `at`. */
  embed(at: number, value: E): void;
}
/** One replacement. Several are applied in order: `at` counts in the text as the ones before it left it. */
export interface TextSplice {
  readonly at: number;
  readonly delete: number;
  readonly insert: string;
}
/** A stable handle to a text, for editors. */
export interface TextRef {
  /** Where it is, for messages: `body`, `todos/<id>/text`. */
  readonly path: string;
  /** The newest version. Throws FreeholdError("not-found") when the item that holds it is gone. */
  readonly value: TextView;
  /**
   * Calls back in the same turn with what changed, local edits too (`local` says which), so that an editor can keep its own text and caret.
   * Start from `value`; the first call carries what changed after that. Returns the way to stop.
   */
  observe(f: (splices: readonly TextSplice[], local: boolean) => void): () => void;
}

/** A stable handle to a rich text. `observe` also calls back, with no splices, when only marks changed. */
export interface RichTextRef<M = Readonly<Record<string, unknown>>, E = never> extends Omit<TextRef, "value"> {
  readonly value: RichTextView<M, E>;
}

/** An item of a list of objects. */
export type Item<V> = V & { readonly $id: string };
export interface ListRef<R> {
  item(id: string): R;
}
/** Where an item goes. For a move, `at` counts without the moved item. */
export type Pos = { readonly before: string } | { readonly after: string } | { readonly at: number };
export interface ListDraft<D, I> extends Iterable<D> {
  readonly length: number;
  get(id: string): D | undefined;
  /** Negative counts from the end. */
  at(i: number): D | undefined;
  /** The stable id of the item at that index: plain values cannot carry one. */
  idAt(i: number): string | undefined;
  /** Adds at the end unless told where; gives the item's stable id. */
  add(v: I, to?: Pos): string;
  /** False when there is no such item. */
  delete(id: string): boolean;
  move(id: string, to: Pos): void;
}
/** A node of a tree of objects. */
export type TreeItem<V> = V & { readonly $id: string; readonly children: ReadonlyArray<TreeItem<V>> };
/** What creates a node, with what is below it. */
export type TreeInput<I> = I & { readonly children?: ReadonlyArray<TreeInput<I>> };
/**
 * Where a node goes: below `parent`, or outermost without one; last, unless one of the others says where. Those say the parent as
 * well. For a move, `at` counts without the moved node.
 */
export interface TreePos {
  readonly parent?: string;
  readonly before?: string;
  readonly after?: string;
  readonly at?: number;
}
export interface TreeRef<R> {
  node(id: string): R;
}
export interface TreeDraft<D, I> {
  get(id: string): D | undefined;
  /** The ids of the nodes right below one, or of the outermost ones, in order. */
  children(id?: string): readonly string[];
  /** Undefined for the outermost. */
  parent(id: string): string | undefined;
  /** Gives the node's stable id. */
  add(v: TreeInput<I>, to?: TreePos): string;
  /** Deletes the node and all below it. False when there is no such node. */
  delete(id: string): boolean;
  /** Throws FreeholdError("invalid") for a place below itself. */
  move(id: string, to: TreePos): void;
}
export interface RecordDraft<D, I> {
  get(key: string): D | undefined;
  has(key: string): boolean;
  /** Makes the entry be `v`, whatever was there. */
  set(key: string, v: I): D;
  /** False when there is no such entry. */
  delete(key: string): boolean;
  keys(): Iterable<string>;
}
export interface CounterDraft {
  readonly value: number;
  add(n: number): void;
}

export type TextField = Field<TextView, TextDraft, string, true, TextRef>;
export interface MarkOptions {
  readonly grow?: "none" | "after" | "both";
  readonly block?: boolean;
}
/** One kind of mark of a rich text. */
export interface MarkField<V> {
  readonly [T]?: { mark: V };
}
type MarkValue<F> = F extends MarkField<infer V> ? V : never;
type MarkValues<M> = { readonly [K in keyof M]: MarkValue<M[K]> };
type MarkView<M> = { readonly [K in keyof M]?: MarkValue<M[K]> };
export type RichTextField<M extends Record<string, MarkField<any>>, E = never> = Field<
  RichTextView<MarkView<M>, E>,
  RichTextDraft<MarkValues<M>, E>,
  string,
  true,
  RichTextRef<MarkView<M>, E>
>;
export type CounterField = Field<number, CounterDraft, number, true>;
export type ObjectField<S extends Shape> = Field<View<S>, Draft<S>, Input<S>, false, Refs<S>>;
export type ListField<F extends AnyField> = F extends Reg<infer V, any>
  ? Field<readonly V[], ListDraft<V, V>, readonly V[], true>
  : Field<
      ReadonlyArray<Item<Meta<F>["view"]>>,
      ListDraft<Item<Meta<F>["draft"]>, Meta<F>["in"]>,
      ReadonlyArray<Meta<F>["in"]>,
      true,
      ListRef<Meta<F>["ref"]>
    >;
export type TreeField<F extends AnyField> = F extends Reg<infer V, any>
  ? Field<ReadonlyArray<TreeItem<{ readonly value: V }>>, TreeDraft<V, { readonly value: V }>, ReadonlyArray<TreeInput<{ readonly value: V }>>, true>
  : Field<
      ReadonlyArray<TreeItem<Meta<F>["view"]>>,
      TreeDraft<Meta<F>["draft"] & { readonly $id: string }, Meta<F>["in"]>,
      ReadonlyArray<TreeInput<Meta<F>["in"]>>,
      true,
      TreeRef<Meta<F>["ref"]>
    >;
export type RecordField<F extends AnyField> = Field<
  Readonly<Record<string, Meta<F>["view"]>>,
  RecordDraft<Meta<F>["draft"], Meta<F>["in"]>,
  Readonly<Record<string, Meta<F>["in"]>>,
  true
>;

/** The words of a schema. One declaration gives types, merge behaviour, validation and defaults. */
export interface Schema {
  string(): Reg<string>;
  number(): Reg<number>;
  boolean(): Reg<boolean>;
  /** A moment as an ISO 8601 string in UTC (`new Date().toISOString()`): a Date cannot be frozen. */
  instant(): Reg<string>;
  /** Up to 64 KB of bytes. The view holds the array itself, which cannot be frozen: copy it before you change it. */
  bytes(): Reg<Uint8Array>;
  enum<const E extends readonly [string, ...string[]]>(...members: E): Reg<E[number]>;
  /** Any JSON value that the validator accepts (Zod, Valibot, ArkType…). It must answer synchronously. */
  json<V>(validator: StandardSchemaV1<unknown, V>): Reg<V>;
  text(): TextField;
  /** A text with marks, and with embeds if `embed` says what they may be. Marks that the shape does not know stay, unseen. */
  richText<M extends Record<string, MarkField<any>>, E = never>(marks: M, embed?: Reg<E>): RichTextField<M, E>;
  /**
   * A mark says `true` unless `value` declares more. `grow`: whether what is typed at its ends takes it on: "after" its end unless told
   * otherwise, at "both", at "none" (links). `block`: an attribute of a line, put on the newline that ends it.
   */
  mark(o?: MarkOptions): MarkField<true>;
  mark<V>(o: MarkOptions & { readonly value: Reg<V> }): MarkField<V>;
  /** A sum that concurrent additions all reach. */
  counter(): CounterField;
  object<S extends Shape>(shape: S): ObjectField<S>;
  /** A movable list of registers or objects. */
  list<F extends AnyReg | ObjectField<any>>(of: F): ListField<F>;
  /** A tree of registers or objects with ordered, movable nodes. A concurrent move never makes a cycle or a copy. */
  tree<F extends AnyReg | ObjectField<any>>(of: F): TreeField<F>;
  /** Entries by key; anything may be an entry. */
  record<F extends AnyField>(of: F): RecordField<F>;
}

/** What whoever has a document open says of himself. */
export type PresenceShape = Record<string, AnyReg>;

export interface DocType<S extends Shape, P extends PresenceShape = {}> {
  readonly name: string;
  readonly version: number;
  readonly shape: S;
  readonly presence?: P;
}
export type AnyDocType = DocType<any, any>;
/** The view of a document type: `type NoteView = Infer<typeof Note>`. */
export type Infer<X> = X extends DocType<infer S, any> ? View<S> : never;

/** A value that changes. `subscribe` calls back at once and then after every change (the Svelte contract). */
export interface Store<V> {
  readonly value: V;
  subscribe(f: (v: V) => void): () => void;
}

/** How far a document's edits got. */
export interface Status {
  /** `waiting`: joined by link and nothing received yet. */
  readonly content: "waiting" | "partial" | "complete";
  /** Where the newest edit of this page is safe: in memory, on this device, on the relay, seen by another device. */
  readonly newest: Level;
  /** Edits of this page that are not on the device yet, in operations. */
  readonly unsaved: number;
  /** Sealed envelopes of this device that no relay has acknowledged. */
  readonly unsent: number;
  readonly relay: RelayState;
  /** Whole copies on this device: a browser with two stores has 2. */
  readonly copies: 0 | 1 | 2;
  /** Other devices that have the document open now and may write; each of their tabs counts. */
  readonly peers: number;
  /** How many of those have the newest edit of this page; at least 1 once any device had it. */
  readonly seen: number;
  /** The document as which its owner made it go on under other keys (`relink`), or null. This one can still be read and edited; others have moved on. */
  readonly successor: string | null;
  readonly problem: FreeholdError | null;
}

/** Somebody else who has the document open: another device, or another tab of this one. */
export type Other<P extends Shape> = View<P> & { readonly session: string };
export interface Presence<P extends Shape> {
  /**
   * Says something of this page to whoever has the document open, for as long as it has; nothing of it is stored, and no relay can read it. What was set
   * before stays, `undefined` takes it back. May be called as often as a pointer moves: about 20 times a second is sent, the newest wins.
   * Throws FreeholdError("invalid" | "too-large" | "read-only" | "closed"). Up to 1 KB in all; a read link is not seen by others.
   */
  set(p: Partial<Input<P>>): void;
  /** Who is there, in the order in which they came. What somebody did not say is as if nobody had written it. */
  readonly others: Store<ReadonlyArray<Other<P>>>;
}

/** The editor says so before the run time does. */
export type NotAsync<R> = R extends PromiseLike<unknown> ? "change() cannot be async" : R;

export interface Doc<D extends AnyDocType, S extends Shape = D["shape"], P extends PresenceShape = NonNullable<D["presence"]>> extends Store<View<S>>, Disposable {
  readonly id: string;
  readonly rights: Rights;
  readonly status: Store<Status>;
  readonly at: Refs<S>;
  /**
   * Edits, all or nothing, synchronously: when it returns, `value` shows the result and the edit is on its way to the device.
   * Throwing inside undoes everything. Throws FreeholdError("invalid" | "too-large" | "read-only" | "not-ready" | "closed" | "core-restarted").
   */
  change<R>(fn: (d: Draft<S>) => NotAsync<R>): R;
  /** A store of a part; it changes only when the selection does (`Object.is` unless told otherwise). */
  select<R>(fn: (v: View<S>) => R, same?: (a: R, b: R) => boolean): Store<R>;
  /**
   * Must: resolves when every edit made before the call has got there. "peer": another device has them; one
   * that only reads does not tell, nor does one that is away, so give a signal.
   * Must: rejects with a FreeholdError when it cannot (a store failed, the relay refuses, the owner deleted it, the document was closed), and with "aborted" when the signal says so.
   */
  saved(on?: "device" | "relay" | "peer", o?: { readonly signal?: AbortSignal }): Promise<void>;
  readonly presence: Presence<P>;
  /** A link for somebody else or another device; the key is after the `#`. */
  link(can: Rights): Promise<URL>;
  /**
   * Makes this document again under other keys, with its content and without its history, and has the relays tell everybody who has the old
   * one. Resolves when both are on this device; a relay that cannot be reached is told when it can. The new one's links are for those whom you give
   * them. Who has an old link keeps what it opens: that cannot be taken back. Needs the owner's right ("read-only") and the whole
   * document ("not-ready" unless its content is `complete`). What goes on as another one already ("moved") does so once.
   */
  relink(o?: RelinkOptions): Promise<Doc<D>>;
  /**
   * Writers of this document that signed two histories: for each a proof that anybody can check who knows the document's id
   * (docs/ENVELOPE.md). `status.problem` says that there is one; nothing more of such a writer is taken.
   */
  proofs(): Promise<readonly Uint8Array[]>;
  /** The last envelopes as the relay sees them, newest last. */
  readonly sealed: Store<readonly Uint8Array[]>;
  /** The same bytes on every device with the same state. */
  export(as: "json"): Promise<Blob>;
  /** Hands over what is not saved yet and frees the core. Values already read stay readable. */
  close(): void;
}

export interface RelinkOptions {
  /** Goes on although part of the document is not here; what is missing stays behind. For when it will never come, as when a writer named what he gave to nobody. */
  readonly partial?: boolean;
}

export interface DocInfo<D extends AnyDocType> {
  readonly id: string;
  readonly head: Infer<D>;
  /** Milliseconds since the epoch; 0 as long as nothing of it was ever here. */
  readonly changed: number;
  readonly rights: Rights;
  /** Null while it is closed: of what is closed nobody counts how far its edits got. What no relay has yet is sent all the same. */
  readonly status: Status | null;
}
export interface ListQuery<D extends AnyDocType> {
  readonly where?: (head: Infer<D>) => boolean;
  /** Ascending; without it, last changed first. */
  readonly by?: (head: Infer<D>) => string | number;
  readonly limit?: number;
}

export interface Home {
  /** Heads are read from the device: no wasm, no network. */
  readonly ready: Promise<void>;
  create<D extends AnyDocType>(type: D, init?: Partial<Input<D["shape"]>>): Promise<Doc<D>>;
  /** Resolves when editable, from this device alone. Rejects with "not-found" when it is not here. */
  open<D extends AnyDocType>(type: D, id: string): Promise<Doc<D>>;
  join<D extends AnyDocType>(type: D, link: URL | string): Promise<Doc<D>>;
  /** Live list of what is on this device; `undefined` until `ready`. */
  list<D extends AnyDocType>(type: D, q?: ListQuery<D>): Store<ReadonlyArray<DocInfo<D>> | undefined>;
  /** Removes the document from this device only. A home's list keeps it, and other devices. */
  forget(id: string): Promise<void>;
  /**
   * Removes the document from every relay, by the owner's signature, then from this device and from those that share this home. Needs the
   * relay ("relay-refused"), the owner's right and that of the home's list ("read-only"), and that list itself ("core-restarted": do it again
   * after a reload). Other people's devices keep their copy.
   */
  delete(id: string): Promise<void>;
  /**
   * A link with which another device becomes one of this home: it gets every document, with the keys. Treat it as a key to all of them; it
   * is shown once and not sent by itself. Needs a relay ("not-ready"); it works from the moment when this device has reached it.
   */
  addDevice(): Promise<URL>;
  /**
   * Makes this device one of the home that the link is of. SECURITY: with a link of one's own only, and never without asking: whoever
   * gave it gets every document of this device. What is here joins that home, what that home has comes here, now and from then
   * on. Resolves when its list is here; the documents follow by themselves.
   */
  restore(link: URL | string): Promise<void>;
  /** Closes every socket: the tunnel. */
  pause(): void;
  resume(): void;
  readonly relays: Store<readonly string[]> & { set(urls: readonly string[]): void };
  /** Hands over what is unsaved and lets go of the device. */
  close(): Promise<void>;
}

export interface FreeholdOptions {
  /** Names the storage on this device; two homes with one name are the same home. In Node only one may be open at a time ("blocked"). */
  readonly name: string;
  /** Relay addresses, `https://…` or `http://localhost:…` ("invalid" otherwise). None: this device only. Of several, each gets everything, and any one is enough. */
  readonly relay?: string | readonly string[];
  /**
   * Whether documents that nothing here has open are fetched too when another device changed them, once this home is shared (`addDevice`); true
   * unless told. The relay learns from it which documents belong together.
   */
  readonly syncAll?: boolean;
  /** Every problem that has no caller to throw to; also, once, that no relay was ever found at an address ("not-ready"). */
  readonly onProblem?: (e: FreeholdError) => void;
  /** Where the vault's worker script is, for tools that do not emit workers. */
  readonly workerUrl?: string | URL;
  /** The address that links open; this page's own unless told. */
  readonly app?: string | URL;
}
