// One connection made of a socket for each document.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { DocId } from "../../src/protocol.ts";
import { apart } from "../../src/wire/apart.ts";
import { ONE_EACH, webSocketWire, type Ask, type Prover, type Socket, type Wire, type WireEvents } from "../../src/wire/socket.ts";
import { decodeFrame, encodeFrame, limits, type Frame } from "../../src/wire/wire.ts";
import { settle } from "./page-toyvault.ts";

const prover: Prover = { prove: async () => new Uint8Array(64), token: async () => "" };
const ask = (doc: DocId): Ask => ({ type: "hello", doc, since: 0, store: null, genesis: null });
const [A, B] = ["a".repeat(32), "b".repeat(32)] as const;

/** The connection, its sockets by document, and all that was said on them and by it, in order. */
const connect = (): { wire: Wire; on: Map<DocId, WireEvents>; said: string[] } => {
  const on = new Map<DocId, WireEvents>();
  const said: string[] = [];
  const wire = apart((doc, events) => {
    on.set(doc, events);
    const name = doc.slice(0, 1);
    return { hello: () => said.push(`${name} hello`), check: () => said.push(`${name} check`), send: (f) => said.push(`${name} ${f.type}`), close: () => said.push(`${name} close`) };
  }, { opened: () => said.push("opened"), frame: (f) => said.push(`heard ${f.type}`), closed: (garbage) => said.push(`closed ${garbage}`) });
  return { wire, on, said };
};

test("a hello waits until its socket is open, and only the newest is said", () => {
  const { wire, on, said } = connect();
  wire.hello(ask(A), prover);
  wire.hello(ask(A), prover);
  assert.deepEqual(said, []);
  on.get(A)!.opened();
  wire.hello(ask(A), prover);
  assert.deepEqual(said, ["a hello", "a hello"]);
});

test("a pong is heard when every open socket has answered, or the last silent one is closed", async () => {
  const { wire, on, said } = connect();
  for (const doc of [A, B]) {
    wire.hello(ask(doc), prover);
    on.get(doc)!.opened();
  }
  said.length = 0;
  wire.send({ type: "ping" });
  on.get(A)!.frame({ type: "pong" });
  assert.deepEqual(said.splice(0), ["a ping", "b ping"]);
  on.get(B)!.frame({ type: "pong" });
  assert.deepEqual(said.splice(0), ["heard pong"]);
  wire.send({ type: "ping" });
  on.get(A)!.frame({ type: "pong" });
  wire.send({ type: "unsubscribe", doc: B });
  assert.deepEqual(said.splice(0), ["a ping", "b ping", "b close", "heard pong"]);
  wire.send({ type: "unsubscribe", doc: A });
  wire.send({ type: "ping" });
  await settle();
  assert.deepEqual(said.splice(0), ["a close", "heard pong"]);
});

test("the end of one socket is the end of the connection", () => {
  const { wire, on, said } = connect();
  for (const doc of [A, B]) wire.hello(ask(doc), prover);
  on.get(B)!.closed(true);
  assert.deepEqual(said, ["a close", "b close", "closed true"]);
  on.get(A)!.frame({ type: "pong" });
  wire.hello(ask(A), prover);
  wire.send({ type: "ping" });
  assert.equal(said.length, 3);
});

test("a relay that wants a socket for each document gets one, and another close code is an end", () => {
  const sockets: { readonly url: string; readonly socket: Socket }[] = [];
  const said: string[] = [];
  const open = webSocketWire((url) => {
    const socket: Socket = { binaryType: "", onopen: null, onmessage: null, onclose: null, onerror: null, send: () => undefined, close: () => undefined };
    sockets.push({ url, socket });
    return socket;
  });
  const events: WireEvents = { opened: () => said.push("opened"), frame: () => undefined, closed: () => said.push("closed") };
  const wire = open("https://relay.example", events);
  sockets[0]!.socket.onclose!({ code: ONE_EACH });
  wire.hello(ask(A), prover);
  assert.deepEqual(sockets.map((s) => s.url), ["wss://relay.example/v1/socket", `wss://relay.example/v1/socket?doc=${A}`]);
  // On a document's own socket it says nothing new.
  sockets[1]!.socket.onclose!({ code: ONE_EACH });
  assert.deepEqual(said.splice(0), ["opened", "closed"]);
  open("https://relay.example", events);
  sockets[2]!.socket.onclose!({ code: 1006 });
  assert.deepEqual(said, ["closed"]);
});

test("a ping and its answer are texts, and no other text is", () => {
  const challenge = encodeFrame({ type: "challenge", nonce: new Uint8Array(32), store: "A".repeat(22) });
  for (const [text, heard] of [["pong", ["heard pong"]], ["ping", ["closed true"]], ["", ["closed true"]]] as const) {
    const sent: unknown[] = [];
    const said: string[] = [];
    const socket: Socket = { binaryType: "", onopen: null, onmessage: null, onclose: null, onerror: null, send: (data) => sent.push(data), close: () => undefined };
    const events: WireEvents = { opened: () => undefined, frame: (f) => said.push(`heard ${f.type}`), closed: (garbage) => said.push(`closed ${garbage}`) };
    const wire = webSocketWire(() => socket)("https://relay.example", events);
    socket.onmessage!({ data: challenge.buffer });
    wire.send({ type: "ping" });
    assert.deepEqual(sent, ["ping"]);
    socket.onmessage!({ data: text });
    assert.deepEqual(said, heard);
  }
});

test("a relay gets credit for all that it said, and for envelopes when they were taken", () => {
  const sent: unknown[] = [];
  const socket: Socket = { binaryType: "", onopen: null, onmessage: null, onclose: null, onerror: null, send: (data) => sent.push(decodeFrame(data as Uint8Array)), close: () => undefined };
  const wire = webSocketWire(() => socket)("https://relay.example", { opened: () => undefined, frame: () => undefined, closed: () => undefined });
  let came = 0;
  const hear = (frame: Frame): void => {
    const { buffer } = encodeFrame(frame);
    came += buffer.byteLength;
    socket.onmessage!({ data: buffer });
  };
  hear({ type: "challenge", nonce: new Uint8Array(32), store: "A".repeat(22) });
  const size = limits.credit - 200;
  hear({ type: "batch", doc: A, entries: [1, 2].map((cursor) => ({ cursor, envelope: new Uint8Array(size / 2), cert: null, covers: 0 })), upTo: 2, more: false });
  assert.deepEqual(sent, []);
  wire.send({ type: "took", doc: A, size });
  assert.deepEqual(sent, []);
  while (came < limits.credit) hear({ type: "presence", doc: A, req: null, cert: null, envelope: new Uint8Array(176) });
  assert.deepEqual(sent, [{ type: "credit", taken: came }]);
  wire.send({ type: "took", doc: A, size: limits.credit });
  assert.equal(sent.length, 2);
});

test("a relay that heeds no credit is left, and one that does is not", () => {
  const ends: boolean[] = [];
  const socket: Socket = { binaryType: "", onopen: null, onmessage: null, onclose: null, onerror: null, send: () => undefined, close: () => undefined };
  const wire = webSocketWire(() => socket)("https://relay.example", { opened: () => undefined, frame: () => undefined, closed: (garbage) => ends.push(garbage) });
  const hear = (frame: Frame): void => socket.onmessage!({ data: encodeFrame(frame).buffer });
  const batch = (size: number): Frame => ({ type: "batch", doc: A, entries: [{ cursor: 1, envelope: new Uint8Array(size), cert: null, covers: 0 }], upTo: 1, more: false });
  hear({ type: "challenge", nonce: new Uint8Array(32), store: "A".repeat(22) });
  for (let i = 0; i < 3; i++) { // a window, and what goes beyond it
    hear(batch((1 << 20) - 200));
    hear(batch(limits.snapshot));
    wire.send({ type: "took", doc: A, size: (1 << 20) - 200 + limits.snapshot });
  }
  hear(batch(limits.snapshot));
  hear(batch(1 << 20));
  hear(batch((1 << 20) - 200));
  assert.deepEqual(ends, []);
  hear(batch(5000));
  assert.deepEqual(ends, [true]);
});

/** What a device that asks for two documents hears on the socket of a relay that says these frames. */
const hear = async (...frames: readonly Frame[]): Promise<string[]> => {
  const said: string[] = [];
  const socket: Socket = { binaryType: "", onopen: null, onmessage: null, onclose: null, onerror: null, send: () => undefined, close: () => said.push("close") };
  const wire = webSocketWire(() => socket)("https://relay.example", {
    opened: () => {
      said.push("opened");
      for (const doc of [A, B]) wire.hello(ask(doc), prover);
    },
    frame: (f) => said.push(`heard ${f.type}`),
    closed: (garbage) => said.push(`closed ${garbage}`),
  });
  for (const frame of frames) {
    socket.onmessage!({ data: encodeFrame(frame).buffer });
    await settle(); // proofs are made
  }
  return said;
};
const challenge = (store: string): Frame => ({ type: "challenge", nonce: new Uint8Array(32), store: store.repeat(22) });
const welcome = (store: string, doc = A): Frame => ({ type: "welcome", doc, store: store.repeat(22), head: 1, genesis: null, successor: null });
const garbage = ["close", "closed true"];

test("a connection is to one store, which its first frame names", async () => {
  assert.deepEqual(await hear(challenge("A"), welcome("A"), welcome("A", B)), ["opened", "heard welcome", "heard welcome"]);
  assert.deepEqual(await hear(challenge("A"), welcome("Q")), ["opened", ...garbage]);
  assert.deepEqual(await hear(challenge("A"), welcome("A"), welcome("Q"), welcome("A")), ["opened", "heard welcome", ...garbage]);
  assert.deepEqual(await hear(challenge("A"), challenge("Q"), welcome("Q")), ["opened", ...garbage]);
  assert.deepEqual(await hear(challenge("A"), challenge("A")), ["opened", ...garbage]);
  assert.deepEqual(await hear(welcome("A"), challenge("A")), garbage);
});

test("a hello has one welcome, and one more each with the genesis and the successor", async () => {
  const three = Array.from({ length: 3 }, () => welcome("A"));
  assert.deepEqual(await hear(challenge("A"), ...three, welcome("A", B)), ["opened", ...Array.from({ length: 4 }, () => "heard welcome")]);
  assert.deepEqual(await hear(challenge("A"), ...three, welcome("A")), ["opened", ...Array.from({ length: 3 }, () => "heard welcome"), ...garbage]);
  assert.deepEqual(await hear(challenge("A"), welcome("A", "c".repeat(32))), ["opened", ...garbage]);
});

test("where each document has a place of its own, each socket has a store", async () => {
  const socketByUrl = new Map<string, Socket>();
  const said: string[] = [];
  const wire = webSocketWire((url) => {
    const socket: Socket = { binaryType: "", onopen: null, onmessage: null, onclose: null, onerror: null, send: () => undefined, close: () => undefined };
    socketByUrl.set(url, socket);
    return socket;
  })("https://relay.example", { opened: () => said.push("opened"), frame: (f) => said.push(`heard ${f.type}`), closed: (isGarbage) => said.push(`closed ${isGarbage}`) });
  assert.equal(wire.isApart, false);
  socketByUrl.get("wss://relay.example/v1/socket")!.onclose!({ code: ONE_EACH } as never);
  assert.equal(wire.isApart, true);
  const say = async (doc: DocId, frame: Frame): Promise<void> => {
    socketByUrl.get(`wss://relay.example/v1/socket?doc=${doc}`)!.onmessage!({ data: encodeFrame(frame).buffer });
    await settle();
  };
  for (const [doc, store] of [[A, "A"], [B, "Q"]] as const) {
    wire.hello(ask(doc), prover);
    await say(doc, challenge(store));
    await say(doc, welcome(store, doc));
  }
  assert.deepEqual(said.splice(0), ["opened", "heard welcome", "heard welcome"]);
  await say(B, welcome("A", B));
  assert.deepEqual(said, ["closed true"]);
});
