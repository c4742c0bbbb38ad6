// Relays that have another store than before, again and again or for each document, and what that costs a device with closed documents.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { test, type TestContext } from "node:test";
import { nodeEnv } from "../../src/vault/nodeenv.ts";
import { ONE_EACH, webSocketWire, type OpenWire, type Socket } from "../../src/wire/socket.ts";
import { decodeFrame, encodeFrame, type ClientFrame, type Frame } from "../../src/wire/wire.ts";
import { startRelay, type RelayProcess } from "../e2e/relayprocess.ts";
import { directoryOf, start, type Editor, type Page } from "./vault-harness.ts";

const { WebSocket } = createRequire(import.meta.url)("ws") as { readonly WebSocket: new (url: string, protocol: string) => Socket };

/**
 * Sockets to a relay whose store goes by another name: that of the document in the address, or of the connection. Undefined: the relay
 * wants a socket for each document. `said` hears what the device says.
 */
const renamed = (nameOf: (doc: string | null) => string | undefined, said: (frame: ClientFrame) => void): OpenWire => webSocketWire((url, protocol) => {
  const socket: Socket = { binaryType: "", onopen: null, onmessage: null, onclose: null, onerror: null, send: () => undefined, close: () => undefined };
  const doc = new URL(url).searchParams.get("doc");
  const name = nameOf(doc);
  if (name === undefined) {
    setImmediate(() => socket.onclose!({ code: ONE_EACH }));
    return socket;
  }
  const inner = new WebSocket(url, protocol);
  let real = "";
  const into = (store: string): string => (store === name ? real : store);
  const heard = (frame: Frame): Frame => {
    if (frame.type === "challenge") real = frame.store;
    return frame.type === "challenge" || frame.type === "welcome" ? { ...frame, store: name } : frame;
  };
  const spoken = (frame: Frame): Frame => {
    said(frame as ClientFrame);
    if (frame.type === "hello") return { ...frame, store: frame.store === null ? null : into(frame.store) };
    if (frame.type === "append" && frame.covers !== null) return { ...frame, covers: { ...frame.covers, store: into(frame.covers.store) } };
    return frame;
  };
  inner.binaryType = "arraybuffer";
  inner.onmessage = ({ data }) => socket.onmessage?.({ data: data instanceof ArrayBuffer ? encodeFrame(heard(decodeFrame(new Uint8Array(data)))).buffer : data });
  inner.onclose = () => socket.onclose?.({});
  inner.onerror = () => undefined;
  socket.send = (data) => inner.send(typeof data === "string" ? data : encodeFrame(spoken(decodeFrame(data))));
  socket.close = () => {
    if (doc !== null) said({ type: "unsubscribe", doc }); // what its end means
    inner.close();
  };
  return socket;
});

const relayOf = async (t: TestContext): Promise<RelayProcess> => {
  const relay = await startRelay();
  t.after(() => relay.end());
  return relay;
};

const noteOf = async (page: Page, text: string): Promise<Editor> => {
  const note = await page.edit({ op: "create", type: "note" });
  await note.type(0, text);
  await page.until(`${text} is on the relay`, () => note.status.relay === text.length && note.status.unsent === 0);
  return note;
};

/** Notes that were on the relay when they were closed. */
const closedNotes = async (page: Page, count: number): Promise<string[]> => {
  const docs = [];
  for (let i = 0; i < count; i++) {
    const { doc } = await noteOf(page, `note ${i}`);
    await page.request({ op: "close", doc });
    docs.push(doc);
  }
  return docs;
};

test("a relay that is another one on each connection is brought what is open each time, and what is closed a few times in an hour", { timeout: 120_000 }, async (t) => {
  const relay = await relayOf(t);
  const path = await directoryOf();
  const env = nodeEnv(path);
  let ahead = 0, connection = 0;
  /** Documents that were asked for, by connection, and those that were left on the present one. */
  const asked: Set<string>[] = [];
  const left = new Set<string>();
  let look = (): void => undefined;
  const page = await start(t, path, [relay.url], {
    ...env,
    now: () => env.now() + ahead,
    openWire: renamed(() => {
      asked[++connection] = new Set();
      return `${String(connection).padStart(21, "0")}A`;
    }, (frame) => {
      if (frame.type === "hello") asked[connection]!.add(frame.doc);
      if (frame.type === "unsubscribe") left.add(frame.doc);
      look();
    }),
  });
  const open = await noteOf(page, "open");
  const closed = await closedNotes(page, 3);
  const onNext = async (): Promise<void> => {
    left.clear();
    const before = connection;
    await page.reconnect();
    await page.until("it is connected", () => connection > before && asked[connection]!.has(open.doc));
    await open.type(0, "x");
    await page.until("what is open is there", () => open.status.relay === open.status.device && open.status.unsent === 0);
  };
  const brought = (): Promise<void> => new Promise((resolve) => {
    look = () => { if (closed.every((doc) => left.has(doc))) resolve(); };
    look();
  });
  for (let i = 0; i < 3; i++) { // and once at the beginning
    await onNext();
    await brought();
  }
  for (let i = 0; i < 6; i++) await onNext();
  ahead += 3_600_001;
  // What was still to be done would be done before this.
  await onNext();
  await brought();
  assert.deepEqual(asked.slice(-7, -1).map((docs) => [...docs]), Array.from({ length: 6 }, () => [open.doc]), "of closed ones none");
  assert.deepEqual(page.problems, []);
});

test("where each document has a store of its own, one that is another than before has all looked at, once, and else what lacks something", { timeout: 120_000 }, async (t) => {
  const COUNT = 6;
  const relay = await relayOf(t);
  const path = await directoryOf();
  const env = nodeEnv(path);
  let age = "A";
  const asked: string[] = [], left = new Set<string>();
  let look = (): void => undefined;
  const openWire = renamed((doc) => (doc === null ? undefined : `${doc.slice(0, 20)}${age}A`), (frame) => {
    if (frame.type === "hello") asked.push(frame.doc);
    if (frame.type === "unsubscribe") left.add(frame.doc);
    look();
  });
  const brought = (docs: readonly string[]): Promise<void> => new Promise((resolve) => {
    look = () => { if (docs.every((doc) => left.has(doc))) resolve(); };
    look();
  });
  const before = await start(t, path, [relay.url], { ...env, openWire });
  const links: string[] = [];
  for (const doc of await closedNotes(before, COUNT)) links.push((await before.request({ op: "link", doc, rights: "read" })).link);
  await before.stop();

  // The last one in the list is edited while no relay is there.
  const offline = await start(t, path);
  const docs = (offline.heads as ReadonlyArray<{ readonly id: string }>).map((h) => h.id);
  const last = await offline.edit({ op: "open", doc: docs.at(-1)!, type: "note" });
  await last.type(0, "> ");
  await offline.stop();
  asked.length = 0;
  left.clear();
  const idle = await start(t, path, [relay.url], { ...env, openWire });
  await brought([last.doc]);
  await idle.stop();
  assert.deepEqual(new Set(asked), new Set([docs[0], last.doc]), "one to learn what there is, and the one that lacks something");

  // Everything is lost there.
  await relay.wipe();
  await relay.start();
  age = "Q";
  asked.length = 0;
  left.clear();
  const again = await start(t, path, [relay.url], { ...env, openWire });
  await brought(docs);
  const guest = await start(t, await directoryOf(), [relay.url]);
  for (const link of links) {
    const note = await guest.edit({ op: "join", link, type: "note" });
    await guest.until("it arrives", () => note.value.includes("note "));
  }
  await again.stop();
  assert.ok(asked.length <= 3 * COUNT, `${asked.length} times one of ${COUNT} was asked for`);
  assert.deepEqual([idle.problems, again.problems], [[], []]);
});
