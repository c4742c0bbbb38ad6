// Two clients of one text, in the terms of each library: `open` makes the text or, given where it is, joins it. Bundled for the page.
import { Repo } from "@automerge/automerge-repo";
import { BrowserWebSocketClientAdapter } from "@automerge/automerge-repo-network-websocket";
import { next as automerge } from "@automerge/automerge";
import { WebsocketProvider } from "y-websocket";
import * as Y from "yjs";
import { defineDoc, freehold, s } from "freehold";

export const Paper = defineDoc("paper", { version: 1, shape: { body: s.text() } });

const ours = async (options, where, seen) => {
  const home = freehold(options);
  const doc = where === null ? await home.create(Paper) : await home.join(Paper, where);
  if (where === null) await doc.saved("relay");
  const length = () => `${doc.value.body}`.length;
  doc.subscribe(() => seen(length()));
  return { where: where ?? `${await doc.link("write")}`, length, press: () => doc.change((d) => d.body.insert(length(), "a")) };
};

/** Each gives where the text is, its length, a key press at its end, and tells of what comes with `seen`. */
export const clients = {
  freehold: (url, where, seen) => ours({ name: "bench", relay: url }, where, seen),
  /** The same with a worker that notes what it does. */
  stamped: (url, where, seen) => ours({ name: "stamped", relay: url, workerUrl: new URL("/stampingvault.js", location.href).href }, where, seen),
  async yjs(url, where, seen) {
    const doc = new Y.Doc();
    const room = where ?? `room-${Math.random()}`;
    const provider = new WebsocketProvider(url, room, doc, { disableBc: true });
    await new Promise((resolve) => provider.once("sync", resolve));
    const text = doc.getText("body");
    text.observe(() => seen(text.length));
    return { where: room, length: () => text.length, press: () => text.insert(text.length, "a") };
  },
  async automerge(url, where, seen) {
    const repo = new Repo({ network: [new BrowserWebSocketClientAdapter(url)] });
    await repo.networkSubsystem.whenReady();
    const handle = where === null ? repo.create({ body: "" }) : repo.find(where);
    await handle.whenReady();
    const length = () => handle.docSync().body.length;
    handle.on("change", () => seen(length()));
    return { where: handle.url, length, press: () => handle.change((d) => automerge.splice(d, ["body"], length(), 0, "a")) };
  },
};
