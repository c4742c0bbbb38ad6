// A connection to a relay that has a place for each document, such as the Worker: a socket for each, and to its user one connection.

import type { DocId } from "../protocol.ts";
import type { Ask, Prover, Wire, WireEvents } from "./socket.ts";

/** A document's socket; what it was last asked waits until the relay has spoken on it. */
interface Line {
  readonly wire: Wire;
  isOpen: boolean;
  waiting: { readonly ask: Ask; readonly by: Prover } | null;
}

/**
 * The connection. It is open from the beginning; a document's socket is opened by its hello and closed when it is unsubscribed.
 * The end of one is the end of all: the user asks for each document anew, from where it stands.
 */
export const apart = (open: (doc: DocId, on: WireEvents) => Wire, on: WireEvents): Wire => {
  const lineByDoc = new Map<DocId, Line>();
  /** Whose pong is awaited: one socket may be dead while others live. Null when no ping is out. */
  let silent: Set<DocId> | null = null;
  let live = true;

  const close = (): void => {
    live = false;
    for (const { wire } of lineByDoc.values()) wire.close();
    lineByDoc.clear();
  };
  const answered = (doc: DocId): void => {
    silent?.delete(doc);
    if (silent?.size !== 0) return;
    silent = null;
    on.frame({ type: "pong" });
  };
  const start = (doc: DocId): Line => {
    const line: Line = {
      isOpen: false,
      waiting: null,
      wire: open(doc, {
        opened: () => {
          line.isOpen = true;
          if (line.waiting !== null) line.wire.hello(line.waiting.ask, line.waiting.by);
          line.waiting = null;
        },
        frame: (frame) => {
          if (!live || lineByDoc.get(doc) !== line) return;
          if (frame.type === "pong") answered(doc);
          else on.frame(frame);
        },
        closed: (garbage) => {
          if (!live || lineByDoc.get(doc) !== line) return;
          close();
          on.closed(garbage);
        },
      }),
    };
    lineByDoc.set(doc, line);
    return line;
  };

  return {
    hello: (ask, by) => {
      if (!live) return;
      const line = lineByDoc.get(ask.doc) ?? start(ask.doc);
      if (line.isOpen) line.wire.hello(ask, by);
      else line.waiting = { ask, by };
    },
    check: () => undefined, // no place knows of the others
    send: (frame) => {
      if (!live) return;
      if (frame.type === "ping") {
        const open = [...lineByDoc].filter(([, line]) => line.isOpen);
        silent = new Set(open.map(([doc]) => doc));
        for (const [, { wire }] of open) wire.send(frame);
        // With nothing open there is nobody to hear from, and nothing that could be dead.
        if (open.length === 0) queueMicrotask(() => { if (live && silent?.size === 0) { silent = null; on.frame({ type: "pong" }); } });
        return;
      }
      const line = lineByDoc.get(frame.doc);
      if (line === undefined) return;
      if (frame.type !== "unsubscribe") return line.wire.send(frame);
      lineByDoc.delete(frame.doc);
      line.wire.close();
      answered(frame.doc);
    },
    close,
    isApart: true,
  };
};
