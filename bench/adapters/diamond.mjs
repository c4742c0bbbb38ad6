import * as diamond from "diamond-types-node";

export const forms = [{ name: "toBytes", as: "usual", history: true }];

/** The build for browsers is to be started by hand; the one for Node starts when it is imported. */
export const ready = async (context) => {
  if (typeof diamond.default === "function") await diamond.default(context.url("diamond.wasm"));
};

let agents = 0;
export const create = (options = {}) => new Replica(new diamond.Doc(`agent ${++agents}`), options);
export const load = (bytes) => new Replica(diamond.Doc.fromBytes(bytes, `reader ${++agents}`), {});

class Replica {
  #doc;
  #updates;
  #out = [];

  constructor(doc, { updates }) {
    this.#doc = doc;
    this.#updates = updates;
  }
  transact(f) {
    const before = this.#updates ? this.#doc.getLocalVersion() : null;
    f();
    if (before !== null) this.#out.push(this.#doc.getPatchSince(before));
  }
  insert(at, s) { this.#doc.ins(at, s); }
  remove(at, n) { this.#doc.del(at, n); }
  text() { return this.#doc.get(); }
  drain() { return this.#out.shift() ?? null; }
  apply(update) { this.#doc.mergeBytes(update); }
  applyAll(updates) { for (const u of updates) this.#doc.mergeBytes(u); }
  encode() { return this.#doc.toBytes(); }
  close() { this.#doc.free(); }
}
