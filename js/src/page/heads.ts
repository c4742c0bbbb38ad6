// The list of documents: heads from the device, live, without wasm.

import type { HeadRecord } from "../protocol.ts";
import type { AnyDocType, DocInfo, ListQuery, Status, Store } from "../types.ts";
import { fromPlain } from "./json.ts";
import { rootOf } from "./schema.ts";
import { checkFunction, Source } from "./cell.ts";

type Infos = ReadonlyArray<DocInfo<AnyDocType>>;

export class Heads {
  readonly #byId: Map<string, HeadRecord> = new Map();
  readonly #statusOf: (id: string) => Status | undefined;
  /** One info per head and status, so that an unchanged row is the same object. */
  readonly #infoByHead: WeakMap<HeadRecord, { readonly status: Status | null; readonly info: DocInfo<AnyDocType> }> = new WeakMap();
  /** Rises with every change; `null` until the first heads are here. */
  readonly #version: { n: number | null } = { n: null };
  /** Lists that somebody listens to. */
  readonly #lists: Set<Source<Infos | undefined>> = new Set();
  #scheduled = false;

  /** `statusOf`: the status of a document that is open. */
  constructor(statusOf: (id: string) => Status | undefined) {
    this.#statusOf = statusOf;
  }

  get(id: string): HeadRecord | undefined {
    return this.#byId.get(id);
  }
  all(): HeadRecord[] {
    return [...this.#byId.values()];
  }
  /** Of the documents of that type. */
  of(type: string): HeadRecord[] {
    return this.all().filter((head) => head.type === type);
  }
  /** All that there is: lists have a value from here on. A newer head of this page's own, still under way, is kept. */
  replace(heads: readonly HeadRecord[]): void {
    this.#version.n ??= 0;
    const ids = new Set(heads.map((head) => head.id));
    for (const id of this.#byId.keys()) if (!ids.has(id)) this.#byId.delete(id);
    for (const head of heads) if (head.changed >= (this.#byId.get(head.id)?.changed ?? 0)) this.#byId.set(head.id, head);
    this.changed();
  }
  put(head: HeadRecord): void {
    this.#byId.set(head.id, head);
    this.changed();
  }
  forget(id: string): void {
    this.#byId.delete(id);
    this.changed();
  }
  /** Tells the lists once per turn, however much happens in it. */
  changed(): void {
    if (this.#version.n === null) return;
    this.#version.n++;
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      for (const list of this.#lists) list.notify();
    });
  }

  list<D extends AnyDocType>(type: D, q: ListQuery<D>): Store<ReadonlyArray<DocInfo<D>> | undefined> {
    // Here, where the caller is: the query itself runs when something changed.
    if (q.where !== undefined) checkFunction(q.where, "where", "home.list(type, { where: (head) => !head.done })");
    if (q.by !== undefined) checkFunction(q.by, "by", "home.list(type, { by: (head) => head.title })");
    let version: number | null = null;
    let infos: Infos | undefined;
    const list = new Source<Infos | undefined>(() => {
      if (version === this.#version.n) return infos;
      version = this.#version.n;
      const next = this.#query(type, q as ListQuery<AnyDocType>);
      if (infos === undefined || next.length !== infos.length || next.some((info, i) => info !== infos?.[i])) infos = Object.freeze(next);
      return infos;
    });
    const lists = this.#lists;
    return {
      get value() {
        return list.value as ReadonlyArray<DocInfo<D>> | undefined;
      },
      subscribe(f) {
        lists.add(list);
        const unsubscribe = list.subscribe(f as (v: Infos | undefined) => void);
        return () => {
          unsubscribe();
          if (!list.watched) lists.delete(list);
        };
      },
    };
  }

  #query(type: AnyDocType, { where, by, limit }: ListQuery<AnyDocType>): DocInfo<AnyDocType>[] {
    let rows: DocInfo<AnyDocType>[] = [];
    for (const head of this.#byId.values()) if (head.type === type.name) rows.push(this.#info(type, head));
    if (where !== undefined) rows = rows.filter((row) => where(row.head));
    if (by === undefined) rows.sort((a, b) => b.changed - a.changed || (a.id < b.id ? -1 : 1));
    else {
      const keyed = rows.map((row) => [by(row.head), row] as const);
      keyed.sort(([a, x], [b, y]) => (a < b ? -1 : a > b ? 1 : x.id < y.id ? -1 : 1));
      rows = keyed.map(([, row]) => row);
    }
    return limit === undefined ? rows : rows.slice(0, limit);
  }
  #info(type: AnyDocType, head: HeadRecord): DocInfo<AnyDocType> {
    const status = this.#statusOf(head.id) ?? null;
    const made = this.#infoByHead.get(head);
    if (made !== undefined && made.status === status) return made.info;
    const view = made?.info.head ?? fromPlain(rootOf(type), head.head);
    const info: DocInfo<AnyDocType> = Object.freeze({ id: head.id, head: view as never, changed: head.changed, rights: head.rights, status });
    this.#infoByHead.set(head, { status, info });
    return info;
  }
}
