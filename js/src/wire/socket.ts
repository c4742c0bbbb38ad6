// A connection to a relay: frames over a WebSocket. Where there is no WebSocket, poll.ts carries the same frames over HTTP.

import { decodeFrame, encodeFrame, SUBPROTOCOL, type ClientFrame, type Frame, type RelayFrame } from "./wire.ts";

/** An open or opening connection. Both methods may be called at any time, also after it closed. */
export interface Wire {
  send(frame: ClientFrame): void;
  /** Closes it; `closed` is not called. */
  close(): void;
}

/** What a connection tells. Must: nothing is called after `closed`, or after `close()`. */
export interface WireEvents {
  opened(): void;
  frame(frame: RelayFrame): void;
  /** It ended, or never opened. `garbage`: because of what came over it. */
  closed(garbage: boolean): void;
}

export type OpenWire = (relay: string, on: WireEvents) => Wire;

/** The part of WebSocket that is used here. */
export interface Socket {
  binaryType: string;
  onopen: ((event: never) => void) | null;
  onmessage: ((event: { readonly data: unknown }) => void) | null;
  onclose: ((event: never) => void) | null;
  onerror: ((event: never) => void) | null;
  send(data: Uint8Array<ArrayBuffer>): void;
  close(): void;
}
export type OpenSocket = (url: string, protocol: string) => Socket;

/** The address of a relay's socket: `https://relay.example` becomes `wss://relay.example/v1/socket`. */
export const socketUrl = (relay: string): string => {
  const url = new URL("/v1/socket", relay);
  url.protocol = url.protocol === "https:" || url.protocol === "wss:" ? "wss:" : "ws:";
  return url.href;
};

export const isFromRelay = (f: Frame): f is RelayFrame =>
  f.type === "welcome" || f.type === "batch" || f.type === "ack" || f.type === "error" || f.type === "pong";

export const webSocketWire = (open: OpenSocket): OpenWire => (relay, on) => {
  let live = true;
  const end = (garbage: boolean): void => {
    if (!live) return;
    live = false;
    on.closed(garbage);
  };
  let socket: Socket;
  try {
    socket = open(socketUrl(relay), SUBPROTOCOL);
  } catch {
    // Not an address, or one that this page's policy forbids. Told later, as any other failure to open is.
    queueMicrotask(() => end(false));
    return { send: () => undefined, close: () => { live = false; } };
  }
  socket.binaryType = "arraybuffer";
  let isOpen = false;
  socket.onopen = () => {
    isOpen = true;
    if (live) on.opened();
  };
  socket.onmessage = ({ data }) => {
    if (!live) return;
    let frame: Frame;
    try {
      if (!(data instanceof ArrayBuffer)) throw new TypeError("text");
      frame = decodeFrame(new Uint8Array(data));
      if (!isFromRelay(frame)) throw new TypeError("a device's frame");
    } catch {
      socket.close(); // pages may not give a reason of the protocol's own: 1002 throws
      end(true);
      return;
    }
    on.frame(frame);
  };
  socket.onerror = () => undefined; // says nothing; onclose follows
  socket.onclose = () => end(false);
  return {
    send: (frame) => {
      if (live && isOpen) socket.send(encodeFrame(frame));
    },
    close: () => {
      live = false;
      socket.close();
    },
  };
};
