import * as loro from "loro-crdt";

export const forms = [
  { name: "snapshot", as: "usual", history: true, encode: (doc) => doc.export({ mode: "snapshot" }) },
  { name: "update", as: "other", history: true, encode: (doc) => doc.export({ mode: "update" }) },
  { name: "shallow", as: "shallow", history: false, encode: (doc) => doc.export({ mode: "shallow-snapshot", frontiers: doc.oplogFrontiers() }) },
];

/** The build for browsers is to be started by hand; the one for Node starts when it is imported. */
export const ready = async (context) => {
  if (typeof loro.default === "function") await loro.default({ module_or_path: context.url("loro.wasm") });
};
export const create = (options = {}) => new Replica(new loro.LoroDoc(), options);
export const load = (bytes) => {
  const doc = new loro.LoroDoc();
  doc.import(bytes);
  return new Replica(doc, {});
};

class Replica {
  events = 0;
  #doc;
  #text;
  #map;
  #list;
  #count;
  #out = [];

  constructor(doc, { updates, subscribe }) {
    this.#doc = doc;
    this.#text = doc.getText("text");
    this.#map = doc.getMap("map");
    this.#list = doc.getList("list");
    this.#count = doc.getCounter("count");
    if (updates) doc.subscribeLocalUpdates((bytes) => { this.#out.push(bytes); });
    if (subscribe) doc.subscribe(() => { this.events++; });
  }
  transact(f) {
    f();
    this.#doc.commit();
  }
  insert(at, s) { this.#text.insert(at, s); }
  remove(at, n) { this.#text.delete(at, n); }
  set(key, value) { this.#map.set(key, value); }
  insertItems(at, values) { for (const v of values) this.#list.insert(at++, v); }
  add(n) { this.#count.increment(n); }
  text() { return this.#text.toString(); }
  map() { return this.#map.toJSON(); }
  list() { return this.#list.toArray(); }
  counter() { return this.#count.value; }
  drain() { return this.#out.shift() ?? null; }
  apply(update) { this.#doc.import(update); }
  applyAll(updates) { this.#doc.importBatch(updates); }
  encode(form = forms[0]) { return form.encode(this.#doc); }
  close() {}
}
