import { Model } from "json-joy/lib/json-crdt/index.js";
import { s } from "json-joy/lib/json-crdt-patch/index.js";

export const name = "json-joy";
export const version = "18.28.0";

export function create({ subscribe }) {
  const model = Model.create(s.obj({ body: s.str("") }));
  const text = model.api.str(["body"]);
  // What the library offers nearest to "one transaction, one notification": a patch is flushed after every edit.
  let events = 0;
  if (subscribe) model.api.onFlush.listen(() => { events++; });
  return {
    edit(pos, del, ins) {
      if (del > 0) text.del(pos, del);
      if (ins) text.ins(pos, ins);
      model.api.flush();
    },
    text: () => text.view(),
    events: () => events,
    close() {},
  };
}
