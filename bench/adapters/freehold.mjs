// The public API of the packed package: a frozen view after each change, storage in the same process (in a browser, a worker).
// Updates travel by vault and relay, so the tables that hand them over leave it out.
import { defineDoc, freehold, s } from "freehold";

const Bench = defineDoc("bench", { version: 1, shape: { text: s.text(), map: s.record(s.number()), list: s.list(s.number()), count: s.counter() } });

let home, place;
export const ready = async (context) => {
  place = context;
  home = freehold({ name: `bench-${context.label}`, directory: context.directory });
};
export const create = async (options = {}) => new Replica(await home.create(Bench), options);
/** Keeps it for a later process. */
export const keep = async (replica) => {
  await replica.doc.saved();
  await place.write("id", new TextEncoder().encode(replica.doc.id));
};
/** Opens what was kept. */
export const open = async () => new Replica(await home.open(Bench, new TextDecoder().decode(await place.read("id"))), {});
export const shut = () => home.close();

class Replica {
  events = 0;
  #draft = null;

  constructor(doc, { subscribe }) {
    this.doc = doc;
    if (subscribe) doc.subscribe(() => { this.events++; });
  }
  transact(f) {
    this.doc.change((d) => {
      this.#draft = d;
      f();
    });
  }
  insert(at, text) { this.#draft.text.insert(at, text); }
  remove(at, n) { this.#draft.text.delete(at, n); }
  set(key, value) { this.#draft.map.set(key, value); }
  insertItems(at, values) { for (const v of values) this.#draft.list.add(v, { at: at++ }); }
  add(n) { this.#draft.count.add(n); }
  text() { return this.doc.value.text.toString(); }
  map() { return this.doc.value.map; }
  list() { return this.doc.value.list; }
  counter() { return this.doc.value.count; }
  saved() { return this.doc.saved(); }
  close() { this.doc.close(); }
}
