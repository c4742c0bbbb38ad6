// The core as the package drives it: its wasm, with the package's own writer of commands. No mirror, no vault.
import { Commands, Core, encodeValue, Kind, readPatch } from "../../build/bench/core.mjs";

/** An update does not say who wrote it: what carries it does, once for all it carries. */
export const carried = 16;
export const forms = [{ name: "file", as: "usual", history: true, encode: (core, h) => core.save(h) }];

let core, commands;
export const ready = async (context) => {
  // The package does not ask for shallow files yet, and its core keeps the exports to itself.
  let exports;
  const { instantiate } = WebAssembly;
  WebAssembly.instantiate = async (...source) => {
    const instance = await instantiate(...source);
    ({ exports } = instance);
    return instance;
  };
  core = await Core.start(await WebAssembly.compile(await context.wasm()));
  WebAssembly.instantiate = instantiate;
  commands = new Commands(core);
  const { doc_save_shallow: shallow, header, memory } = exports;
  if (shallow === undefined) return;
  forms.push({
    name: "shallow", as: "shallow", history: false,
    encode(core, h) {
      if (shallow(h) < 0) throw new Error("doc_save_shallow failed");
      const [at, length] = new Uint32Array(memory.buffer, header(), 2);
      return new Uint8Array(memory.buffer).slice(at, at + length);
    },
  });
};
export const create = () => new Replica(core.create());
export const load = (bytes) => new Replica(core.load(bytes));

const KINDS = { text: Kind.text, map: Kind.map, list: Kind.list, count: Kind.counter };
const nothing = () => {};
const sink = (handlers) => ({
  session: nothing, childContainer: nothing, itemContainer: nothing, text: nothing, textLength: nothing, set: nothing, delete: nothing,
  recordChild: nothing, insertValue: nothing, insertContainer: nothing, removeItem: nothing, moveItem: nothing, counter: nothing, ...handlers,
});

class Replica {
  session = crypto.getRandomValues(new Uint8Array(16));
  #h;
  /** Indexes of the root's children, as far as they are known here. */
  #known = {};
  #count;
  /** How many containers there were when they were last looked through. */
  #read;

  constructor(h) {
    this.#h = h;
    core.session(h, this.session);
    this.#count = core.containers;
    this.#read = this.#count === 1 ? 1 : 0;
  }
  #view(handlers) {
    core.view(this.#h);
    readPatch(core, sink(handlers));
  }
  /** The index of a child of the root. Others may have made it, so after a merge the core is asked. */
  #find(name) {
    if (this.#read < this.#count) {
      this.#view({ childContainer: (index, parent, kind, key) => { if (parent === 0) this.#known[key] = index; } });
      this.#read = this.#count;
    }
    return this.#known[name];
  }
  #child(name) {
    const index = this.#known[name] ?? this.#find(name);
    if (index !== undefined) return index;
    commands.child(0, KINDS[name], name, this.#count);
    this.#read++;
    return (this.#known[name] = this.#count++);
  }

  transact(f) {
    commands.begin();
    f();
    core.change(this.#h, commands.length);
  }
  insert(at, s) { commands.textInsert(this.#child("text"), at, s); }
  remove(at, n) { commands.textDelete(this.#child("text"), at, n); }
  set(key, value) { commands.mapSet(this.#child("map"), key, encodeValue(value)); }
  insertItems(at, values) {
    const c = this.#child("list");
    for (const v of values) commands.listInsertValue(c, { mode: 0, arg: at++ }, encodeValue(v));
  }
  add(n) { commands.counterAdd(this.#child("count"), n); }

  text() {
    const c = this.#find("text");
    return c === undefined ? "" : core.text(this.#h, c, 0, -1);
  }
  map() {
    const c = this.#find("map"), entries = {};
    this.#view({ set: (of, key, value) => { if (of === c) entries[key] = value; } });
    return entries;
  }
  list() {
    const c = this.#find("list"), items = [];
    this.#view({ insertValue: (of, at, item, session, seq, value) => { if (of === c) items.push(value); } });
    return items;
  }
  counter() {
    let sum = 0;
    this.#view({ counter: (of, value) => { sum = value; } });
    return sum;
  }

  drain() {
    return core.update(this.#h) === 0 ? null : core.out();
  }
  apply(update, from) {
    core.apply(this.#h, from.session, update);
    this.#count = core.containers;
  }
  /** There is no batch: who sends much joins it into one update. */
  applyAll(updates, senders) {
    for (let i = 0; i < updates.length; i++) this.apply(updates[i], senders[i]);
  }
  encode(form = forms[0]) { return form.encode(core, this.#h); }
  close() { core.free(this.#h); }
}
