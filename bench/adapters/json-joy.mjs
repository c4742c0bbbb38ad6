import { Model } from "json-joy/lib/json-crdt/index.js";
import { Patch, s } from "json-joy/lib/json-crdt-patch/index.js";

export const forms = [{ name: "binary", as: "usual", history: false }];

const schema = s.obj({ text: s.str(""), map: s.obj({}), list: s.arr([]) });

export const create = (options = {}) => {
  const model = Model.create(schema, Model.sid());
  model.api.flush(); // the schema's own operations, which every replica has alike
  return new Replica(model, options);
};
export const load = (bytes) => new Replica(Model.load(bytes, Model.sid()), {});

// Strings and objects would become nodes that merge; constants are like for like.
const plain = (v) => (typeof v === "number" ? v : s.con(v));

class Replica {
  events = 0;
  #model;
  #text;
  #map;
  #list;
  #updates;
  #out = [];

  constructor(model, { updates, subscribe }) {
    this.#model = model;
    this.#text = model.api.str(["text"]);
    this.#map = model.api.obj(["map"]);
    this.#list = model.api.arr(["list"]);
    this.#updates = updates;
    // What it offers nearest to one notification for each transaction.
    if (subscribe) model.api.onFlush.listen(() => { this.events++; });
  }
  transact(f) {
    f();
    const patch = this.#model.api.flush();
    if (this.#updates) this.#out.push(patch.toBinary());
  }
  insert(at, text) { this.#text.ins(at, text); }
  remove(at, n) { this.#text.del(at, n); }
  set(key, value) { this.#map.set({ [key]: plain(value) }); }
  insertItems(at, values) { this.#list.ins(at, values.map(plain)); }
  text() { return this.#text.view(); }
  map() { return this.#map.view(); }
  list() { return this.#list.view(); }
  drain() { return this.#out.shift() ?? null; }
  apply(update) { this.#model.applyPatch(Patch.fromBinary(update)); }
  applyAll(updates) { this.#model.applyBatch(updates.map((u) => Patch.fromBinary(u))); }
  encode() { return this.#model.toBinary(); }
  close() {}
}
