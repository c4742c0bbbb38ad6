import { LoroDoc } from "loro-crdt";

export const name = "loro";
export const version = "1.17";

export function create({ subscribe }) {
  const doc = new LoroDoc();
  const text = doc.getText("body");
  let events = 0;
  if (subscribe) doc.subscribe(() => { events++; });
  return {
    edit(pos, del, ins) {
      if (del > 0) text.delete(pos, del);
      if (ins) text.insert(pos, ins);
      doc.commit();
    },
    text: () => text.toString(),
    events: () => events,
    close() {},
  };
}
