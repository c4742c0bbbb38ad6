// A connection to a relay: frames over a WebSocket, or over one for each document where the relay wants that (apart.ts). Where
// there is no WebSocket, poll.ts carries the same frames over HTTP.

import type { DocId } from "../protocol.ts";
import { apart } from "./apart.ts";
import { decodeFrame, encodeFrame, limits, SUBPROTOCOL, weigh, type Challenge, type Check, type ClientFrame, type Credit, type Frame, type Hello, type RelayFrame } from "./wire.ts";

/** Shows a relay that one may read a document. `relay` is its host, with a port where it is not the scheme's own. */
export interface Prover {
  prove(relay: string, nonce: Uint8Array): Promise<Uint8Array>;
  token(relay: string, expiry: number): Promise<string>;
}

/** A hello whose proof the connection adds. */
export type Ask = Omit<Hello, "proof">;

/** So many more bytes of a document's envelopes are off the device's hands: the connection gives the relay credit for them. */
export interface Took { readonly type: "took"; readonly doc: DocId; readonly size: number }

/** A question about a list, to which the connection adds proofs for new members. */
export type Question = Omit<Check, "add">;
export interface Member { readonly doc: DocId; readonly by: Pick<Prover, "prove"> }

/** What is said on a connection. */
export type Said = Exclude<ClientFrame, Hello | Credit | Check> | Took;

/** An open or opening connection. Its methods may be called at any time, also after it closed. */
export interface Wire {
  hello(ask: Ask, by: Prover): void;
  /** Has no answer where a connection cannot carry many documents. */
  check(question: Question, add: readonly Member[]): void;
  send(frame: Said): void;
  /** Closes it; `closed` is not called. */
  close(): void;
  /** Each document has a place of its own there, and a store. */
  readonly isApart?: boolean;
}

/** What a connection tells. Must: nothing is called after `closed`, or after `close()`. */
export interface WireEvents {
  opened(): void;
  frame(frame: Exclude<RelayFrame, Challenge>): void;
  /** It ended, or never opened. `garbage`: because of what came over it. */
  closed(garbage: boolean): void;
}

export type OpenWire = (relay: string, on: WireEvents) => Wire;

/** The part of WebSocket that is used here. */
export interface Socket {
  binaryType: string;
  onopen: ((event: never) => void) | null;
  onmessage: ((event: { readonly data: unknown }) => void) | null;
  onclose: ((event: { readonly code?: number }) => void) | null;
  onerror: ((event: never) => void) | null;
  send(data: Uint8Array<ArrayBuffer> | string): void;
  close(): void;
}
export type OpenSocket = (url: string, protocol: string) => Socket;

/** The address of a relay's socket: `https://relay.example` becomes `wss://relay.example/v1/socket`. */
export const socketUrl = (relay: string, doc?: DocId): string => {
  const url = new URL("/v1/socket", relay);
  url.protocol = url.protocol === "https:" || url.protocol === "wss:" ? "wss:" : "ws:";
  if (doc !== undefined) url.searchParams.set("doc", doc);
  return url.href;
};

/** A relay closes a socket with this that names no document, where it has a place for each. */
export const ONE_EACH = 4001;

/** A ping and its answer are texts, so that a relay whose documents sleep can answer without waking one. */
export const PING = "ping", PONG = "pong";

/** To one hello: its answer, and one each when the genesis and the successor become known. */
const WELCOMES = 3;

export const isFromRelay = (f: Frame): f is RelayFrame =>
  f.type === "welcome" || f.type === "batch" || f.type === "ack" || f.type === "error" || f.type === "pong" || f.type === "challenge" || f.type === "done" || f.type === "presence" || f.type === "changed";

export const webSocketWire = (open: OpenSocket): OpenWire => (relay, on) => {
  let wire = line(open, relay, on, undefined, () => {
    wire = apart((doc, events) => line(open, relay, events, doc), on);
    on.opened();
  });
  return {
    hello: (ask, by) => wire.hello(ask, by),
    check: (question, add) => wire.check(question, add),
    send: (frame) => wire.send(frame),
    close: () => wire.close(),
    get isApart() { return wire.isApart === true; },
  };
};

/** Nobody reads what was wrong: the connection ends. */
const GARBAGE = new Error();

/** One socket: of all documents, or of `doc`. `oneEach`: the relay wants one for each instead; nothing is called after it. */
const line = (open: OpenSocket, relay: string, on: WireEvents, doc?: DocId, oneEach?: () => void): Wire => {
  let live = true;
  const end = (garbage: boolean): void => {
    if (!live) return;
    live = false;
    on.closed(garbage);
  };
  let socket: Socket;
  try {
    socket = open(socketUrl(relay, doc), SUBPROTOCOL);
  } catch {
    // Not an address, or one that this page's policy forbids. Told later, as any other failure to open is.
    queueMicrotask(() => end(false));
    return { hello: () => undefined, check: () => undefined, send: () => undefined, close: () => { live = false; } };
  }
  socket.binaryType = "arraybuffer";
  const name = new URL(relay).host;
  /** Null until the relay has spoken. */
  let challenge: Challenge | null = null;
  /** The newest hello of each document; one that is left while its proof is made is not sent. */
  const askByDoc = new Map<DocId, Ask>();
  /** Welcomes that may still come. */
  const welcomesByDoc = new Map<DocId, number>();
  /** Bytes of messages that came, those of them that were taken, and those that the relay knows of. */
  let came = 0, taken = 0, told = 0;
  const took = (size: number): void => {
    taken += size;
    if (taken - told >= limits.credit) send({ type: "credit", taken: told = taken });
  };
  socket.onmessage = ({ data }) => {
    if (!live) return;
    if (data === PONG && challenge !== null) return on.frame({ type: "pong" });
    let frame: Frame;
    try {
      if (!(data instanceof ArrayBuffer)) throw GARBAGE;
      came += data.byteLength;
      if (came - taken > limits.untaken) throw GARBAGE; // more than there is credit for
      frame = decodeFrame(new Uint8Array(data));
      if (!isFromRelay(frame)) throw GARBAGE;
      if ((frame.type === "challenge") !== (challenge === null)) throw GARBAGE; // the first frame is one, and no other
      if (frame.type === "welcome") {
        const left = welcomesByDoc.get(frame.doc);
        if (!left || frame.store !== challenge?.store) throw GARBAGE; // a connection is to one store
        welcomesByDoc.set(frame.doc, left - 1);
      }
    } catch {
      socket.close(); // pages may not give a reason of the protocol's own: 1002 throws
      end(true);
      return;
    }
    took(data.byteLength - (frame.type === "batch" ? weigh(frame) : 0)); // for envelopes its user says when
    if (frame.type === "challenge") {
      challenge = frame;
      on.opened();
    } else {
      on.frame(frame);
    }
  };
  socket.onerror = () => undefined; // says nothing; onclose follows
  socket.onclose = ({ code }) => {
    if (!live || code !== ONE_EACH || challenge !== null || oneEach === undefined) return end(false);
    live = false;
    oneEach();
  };
  const send = (frame: ClientFrame): void => {
    if (live && challenge !== null) socket.send(frame.type === "ping" ? PING : encodeFrame(frame));
  };
  return {
    hello: (ask, by) => {
      if (challenge === null) return;
      askByDoc.set(ask.doc, ask);
      by.prove(name, challenge.nonce).then(
        (proof) => {
          if (askByDoc.get(ask.doc) !== ask) return;
          welcomesByDoc.set(ask.doc, (welcomesByDoc.get(ask.doc) ?? 0) + WELCOMES);
          send({ ...ask, proof });
        },
        () => end(false), // no cryptography any more: as good as no connection
      );
    },
    check: (question, add) => {
      if (challenge === null) return;
      const { nonce } = challenge;
      Promise.all(add.map(async ({ doc, by }) => ({ doc, proof: await by.prove(name, nonce) }))).then((members) => send({ ...question, add: members }), () => end(false));
    },
    send: (frame) => {
      if (frame.type === "took") return took(frame.size);
      if (frame.type === "unsubscribe") askByDoc.delete(frame.doc);
      send(frame);
    },
    close: () => {
      live = false;
      socket.close();
    },
  };
};
