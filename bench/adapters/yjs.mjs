import * as Y from "yjs";

/** What a document can be written as. `as`: which row of the loading table it is; without `history` deleted content is gone. */
export const forms = [
  { name: "v2, deleted text dropped", as: "usual", history: false, options: {} },
  { name: "v2, collector off", as: "other", history: true, options: { gc: false } },
];

export const create = (options = {}) => new Replica(new Y.Doc({ gc: options.gc ?? true }), options);
export const load = (bytes) => {
  const doc = new Y.Doc();
  Y.applyUpdateV2(doc, bytes);
  return new Replica(doc, {});
};

class Replica {
  events = 0;
  #doc;
  #text;
  #map;
  #list;
  #out = [];

  constructor(doc, { updates, subscribe }) {
    this.#doc = doc;
    this.#text = doc.getText("text");
    this.#map = doc.getMap("map");
    this.#list = doc.getArray("list");
    // Version 1 updates are the smaller and faster ones for single edits; version 2 is better for whole documents.
    if (updates) doc.on("update", (bytes, origin) => { if (origin !== "remote") this.#out.push(bytes); });
    if (subscribe) doc.on("afterTransaction", () => { this.events++; });
  }
  transact(f) { this.#doc.transact(f); }
  insert(at, s) { this.#text.insert(at, s); }
  remove(at, n) { this.#text.delete(at, n); }
  set(key, value) { this.#map.set(key, value); }
  insertItems(at, values) { this.#list.insert(at, values); }
  // No counter of its own: a number per client, summed by readers, is what applications write.
  add(n) {
    const key = `count-${this.#doc.clientID}`;
    this.#map.set(key, (this.#map.get(key) ?? 0) + n);
  }
  text() { return this.#text.toString(); }
  map() { return this.#map.toJSON(); }
  list() { return this.#list.toArray(); }
  counter() { return Object.entries(this.map()).reduce((sum, [key, n]) => (key.startsWith("count-") ? sum + n : sum), 0); }
  drain() { return this.#out.shift() ?? null; }
  apply(update) { Y.applyUpdate(this.#doc, update, "remote"); }
  applyAll(updates) { this.#doc.transact(() => { for (const u of updates) Y.applyUpdate(this.#doc, u, "remote"); }, "remote"); }
  encode() { return Y.encodeStateAsUpdateV2(this.#doc); }
  close() {}
}
