// The home document: an ordinary document that lists a person's documents by their links. Devices that share it have one list.
//
// There may be several on a device: each of two homes that meet had its own. They are documents like others, so each lists the other, and
// every device keeps all of them equal. The union has no order to agree on and nobody who decides.
//
// Must: what is here is listed, what is listed comes here with all its rights, unless this device forgot it; what a device deleted goes from all.

import { FreeholdError } from "../errors.ts";
import { HOME_TYPE, type HeadRecord } from "../protocol.ts";
import type { DocType, ObjectField, RecordField, Reg, Shape, View } from "../types.ts";
import type { OpenDoc } from "./doc.ts";
import type { Heads } from "./heads.ts";
import { docType, s } from "./schema.ts";

interface Listed extends Shape {
  readonly link: Reg<string | undefined, true>;
  readonly type: Reg<string>;
  /** Only ever becomes true, so no concurrent edit brings a document back. */
  readonly deleted: Reg<boolean, true>;
}
type Entry = View<Listed>;

export const HomeDoc: DocType<{ readonly docs: RecordField<ObjectField<Listed>> }> = docType(HOME_TYPE, {
  version: 1,
  shape: { docs: s.record(s.object({ link: s.string().optional(), type: s.string(), deleted: s.boolean().default(false) })) },
});

/** What it needs of its home. */
export interface HomeDocEnds {
  /** The documents of this device. */
  readonly heads: Heads;
  create(): Promise<OpenDoc>;
  open(id: string): Promise<OpenDoc>;
  /** Resolves when no document is being read again. One that is suspended then stays so. */
  reopened(): Promise<void>;
  /** A link of all that this device may do. */
  link(head: HeadRecord): Promise<string>;
  /** Gives the id of what it joined. */
  join(link: string, type: string): Promise<string>;
  forget(id: string): Promise<void>;
  /** Keeps something about a document on this device only. */
  remember(id: string, head: unknown): Promise<void>;
  problem(e: FreeholdError): void;
}

/** Letters of links, the lower right first (docs/ENVELOPE.md). */
const RIGHTS = "rwa";
const rankOf = (link: string | undefined): number => (link === undefined ? -1 : RIGHTS.indexOf(link[1] ?? ""));
const rankHere = (head: HeadRecord): number => RIGHTS.indexOf({ read: "r", write: "w", owner: "a" }[head.rights]);

/** What two lists say of one document. */
const better = (a: Entry | undefined, b: Entry): Entry => {
  if (a === undefined || b.deleted) return b;
  return a.deleted || rankOf(a.link) >= rankOf(b.link) ? a : b;
};

/** So many go in one envelope, which is not too large to be read once more with each connection (docs/SYNC.md, S9): a list of thousands is several. */
const AT_ONCE = 64;

export class HomeDocs {
  readonly #ends: HomeDocEnds;
  readonly #openById: Map<string, OpenDoc> = new Map();
  /** Links that could not be followed: not again in this life. */
  readonly #failed: Set<string> = new Set();
  #running: Promise<void> | null = null;
  #again = false;
  #closed = false;

  constructor(ends: HomeDocEnds) {
    this.#ends = ends;
  }

  /** Whether this device shares its list with others. */
  get isShared(): boolean {
    return this.#ids().length > 0;
  }
  /** The one that other devices are given a link of; made if there is none. */
  async first(): Promise<OpenDoc> {
    const id = this.#ids()[0] ?? this.#watch(await this.#ends.create()).id;
    return this.#openById.get(id) ?? this.#watch(await this.#ends.open(id));
  }
  /** Something here or in a list changed. Resolves when both are equal as far as this device can make them. */
  look(): Promise<void> {
    if (this.#running !== null) this.#again = true;
    return (this.#running ??= this.#run());
  }
  /** It does not come back to this device by itself. */
  async forgotten(id: string): Promise<void> {
    await this.#remember((ids) => ids.add(id));
  }
  async welcome(id: string): Promise<void> {
    if (this.#forgotten().has(id)) await this.#remember((ids) => ids.delete(id));
  }
  /** All lists, for what other devices must hear of. Errors: read-only, core-restarted. */
  async writable(): Promise<readonly OpenDoc[]> {
    const homes: OpenDoc[] = [];
    for (const id of this.#ids()) homes.push(this.#openById.get(id) ?? this.#watch(await this.#ends.open(id)));
    await this.#ends.reopened();
    for (const { id, rights, suspended } of homes) {
      if (suspended) throw notAgain(id);
      if (rights === "read") throw new FreeholdError("read-only", "this device may only read the list of this home, so no other one would hear of it", "do it on a device that has the home's own link", { doc: id });
    }
    return homes;
  }
  /** It goes from every device. */
  async deleted(id: string): Promise<void> {
    const entry = { link: undefined, type: this.#ends.heads.get(id)?.type ?? "", deleted: true };
    for (const home of await this.writable()) if (!(await this.#note(home, [[id, entry]]))) throw notAgain(home.id);
  }
  close(): void {
    this.#closed = true;
  }

  #ids(): string[] {
    return this.#ends.heads.of(HomeDoc.name).map((head) => head.id).sort();
  }

  #watch(doc: OpenDoc): OpenDoc {
    if (this.#openById.get(doc.id) === doc) return doc;
    this.#openById.set(doc.id, doc);
    let seen = "";
    doc.subscribe(() => void this.look());
    doc.status.subscribe(({ content }) => {
      if (content === seen) return;
      seen = content;
      void this.look();
    });
    return doc;
  }

  async #run(): Promise<void> {
    try {
      do {
        this.#again = false;
        await this.#unite();
      } while (this.#again && !this.#closed);
    } catch (e) {
      if (!this.#closed) this.#ends.problem(e as FreeholdError);
    } finally {
      this.#running = null;
    }
  }

  async #unite(): Promise<void> {
    for (const id of this.#ids()) if (!this.#openById.has(id)) this.#watch(await this.#ends.open(id));
    const homes = this.#ids().map((id) => this.#openById.get(id)!);
    const listed = new Map<string, Entry>();
    for (const home of homes) for (const [id, entry] of Object.entries(home.value.docs as Readonly<Record<string, Entry>>)) listed.set(id, better(listed.get(id), entry));
    await this.#bring(listed);
    for (const { id, type, ...head } of this.#ends.heads.all()) {
      const known = listed.get(id);
      if (known === undefined || (!known.deleted && rankOf(known.link) < rankHere({ id, type, ...head }))) {
        listed.set(id, { link: await this.#ends.link({ id, type, ...head }), type, deleted: false });
      }
    }
    for (const home of homes) if (home.status.value.content !== "waiting") await this.#note(home, listed); // what is not written comes here again when it was read again
  }

  /** What the lists say becomes so on this device. */
  async #bring(listed: ReadonlyMap<string, Entry>): Promise<void> {
    const forgotten = this.#forgotten();
    for (const [id, { link, type, deleted }] of listed) {
      const here = this.#ends.heads.get(id);
      if (deleted && here !== undefined) await this.#ends.forget(id);
      if (deleted || link === undefined || forgotten.has(id) || this.#failed.has(link)) continue;
      if (here !== undefined && rankOf(link) <= rankHere(here)) continue;
      try {
        if ((await this.#ends.join(link, type)) !== id) this.#failed.add(link);
      } catch (e) {
        this.#failed.add(link);
        this.#ends.problem(e as FreeholdError);
      }
    }
  }

  // The head of a home document stays on the device: it says what was forgotten here.

  #forgotten(): Set<string> {
    return new Set(this.#ends.heads.of(HomeDoc.name).flatMap(({ head }) => (head as { readonly forgotten?: readonly string[] }).forgotten ?? []));
  }
  async #remember(change: (ids: Set<string>) => void): Promise<void> {
    const ids = this.#forgotten();
    change(ids);
    for (const home of this.#ids()) await this.#ends.remember(home, { forgotten: [...ids] });
  }

  /** Writes what a home document lacks, to the device; itself it does not list. False: it may only be read, or cannot be read again. */
  async #note(home: OpenDoc, listed: Iterable<readonly [string, Entry]>): Promise<boolean> {
    for (;;) {
      await this.#ends.reopened();
      if (home.suspended) return false;
      await home.saved("device");
      if (home.suspended) continue;
      const has = home.value.docs as Readonly<Record<string, Entry>>;
      const lacking = [...listed].filter(([id, entry]) => id !== home.id && better(has[id], entry) !== has[id] && !(has[id]?.deleted ?? false));
      if (lacking.length === 0) return true;
      if (home.rights === "read") return false;
      home.change((d) => {
        const docs = d.docs as { get(id: string): { link: string | undefined; deleted: boolean } | undefined; set(id: string, entry: Entry): unknown };
        for (const [id, entry] of lacking.slice(0, AT_ONCE)) {
          const known = docs.get(id);
          if (known === undefined) docs.set(id, entry);
          else Object.assign(known, { link: entry.link, deleted: entry.deleted });
        }
      });
    }
  }
}

const notAgain = (doc: string): FreeholdError => new FreeholdError("core-restarted", "the list of this home could not be read again", "reload the page, and do it once more", { doc });
