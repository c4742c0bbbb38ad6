import * as A from "@automerge/automerge";

export const forms = [{ name: "save", as: "usual", history: true }];

// Replicas that should merge have to begin with the same objects.
let origin;

export const create = (options = {}) => {
  origin ??= A.save(A.from({ text: "", map: {}, list: [], count: new A.Counter(0) }));
  return new Replica(A.load(origin), options);
};
export const load = (bytes) => new Replica(A.load(bytes), {});

// Strings in maps and lists would be texts that merge; plain ones are like for like.
const plain = (v) => (typeof v === "string" ? new A.ImmutableString(v) : v);
const read = (v) => (v instanceof A.ImmutableString ? v.toString() : v);

class Replica {
  events = 0;
  #doc;
  #draft = null;
  #updates;
  #out = [];
  #options = {};

  constructor(doc, { updates, subscribe }) {
    this.#doc = doc;
    this.#updates = updates;
    if (subscribe) this.#options = { patchCallback: () => { this.events++; } };
  }
  transact(f) {
    this.#doc = A.change(this.#doc, this.#options, (d) => {
      this.#draft = d;
      f();
    });
    if (this.#updates) this.#out.push(A.getLastLocalChange(this.#doc));
  }
  insert(at, s) { A.splice(this.#draft, ["text"], at, 0, s); }
  remove(at, n) { A.splice(this.#draft, ["text"], at, n, ""); }
  set(key, value) { this.#draft.map[key] = plain(value); }
  insertItems(at, values) { A.insertAt(this.#draft.list, at, ...values.map(plain)); }
  add(n) { this.#draft.count.increment(n); }
  text() { return this.#doc.text; }
  map() { return Object.fromEntries(Object.entries(this.#doc.map).map(([key, v]) => [key, read(v)])); }
  list() { return this.#doc.list.map(read); }
  counter() { return this.#doc.count.value; }
  drain() { return this.#out.shift() ?? null; }
  apply(update) { [this.#doc] = A.applyChanges(this.#doc, [update]); }
  applyAll(updates) { [this.#doc] = A.applyChanges(this.#doc, updates); }
  encode() { return A.save(this.#doc); }
  close() { A.free(this.#doc); }
}
