import * as Y from "yjs";

export const name = "yjs";
export const version = "13.6";

export function create({ subscribe }) {
  const doc = new Y.Doc();
  const text = doc.getText("body");
  let events = 0;
  if (subscribe) doc.on("afterTransaction", () => { events++; });
  return {
    edit(pos, del, ins) {
      doc.transact(() => {
        if (del > 0) text.delete(pos, del);
        if (ins) text.insert(pos, ins);
      });
    },
    text: () => text.toString(),
    events: () => events,
    close() {},
  };
}
