// What every draft ends in: assigning a name that it does not have is told, where a plain object would take it and the document would not; so is
// reading by an index what is no array.
//
// A trap behind all prototypes is asked for those names only. What a draft has is found before, at the price of a property.

import { FreeholdError } from "../../errors.ts";

export abstract class Strict {}

Object.setPrototypeOf(Strict.prototype, new Proxy(Object.prototype, {
  set(_, key) {
    throw new FreeholdError("invalid", `nothing is assigned by the name ${String(key)} here`, "an object has the fields of its shape; a record takes set(key, value), a list or a tree add(value), a text insert(at, text), a counter add(n)");
  },
  get(all, key, draft) {
    if (/^\d+$/.test(String(key))) throw new FreeholdError("invalid", `nothing is read by the name ${String(key)} here`, "a list has at(index) and get(id), a record get(key)");
    return Reflect.get(all, key, draft);
  },
}));
