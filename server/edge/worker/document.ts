// One document: a Durable Object with its log in SQLite, its sockets, and a relay that is made anew whenever it was forgotten:
// after hibernation, when the instance of the core fell or grew too large, always in the same way.

import { DurableObject } from "cloudflare:workers";
import { fromBase32 } from "../../../js/src/ids.ts";
import { PING, PONG } from "../../../js/src/wire/socket.ts";
import { encodeFrame, limits, MEDIA_TYPE, SUBPROTOCOL } from "../../../js/src/wire/wire.ts";
import module from "./reactor.wasm";
import { Away } from "./cold.ts";
import type { Given } from "./blobs.ts";
import { Line } from "./line.ts";
import { joined, Reactor } from "./reactor.ts";
import { settings, type Numbers, type Settings } from "./settings.ts";
import { LET_GO, LOOK, memory, Sharing } from "./sharing.ts";
import { Store } from "./store.ts";

/** The instance that all objects of this isolate share. They know its number and do not hold it: one that grew too large must go, though
    the object that made it so is still there. */
let shared: Reactor | null = null;

let instances = 0;

/** How many instances there were, and of this one how large its linear memory is and how many relays are open. */
export const core = (): { readonly instances: number; readonly memory: number; readonly relays: number } => ({
  instances, memory: shared?.memory ?? 0, relays: shared?.relays ?? 0,
});

/** Among the first things that a document's object is told: which one it is, and under which name it was asked for. */
export const DOC = "Freehold-Document", NAME = "Freehold-Name";

/** How often what may be let go of is looked at. What a snapshot covers stays for a week at least. */
const SWEEP_EVERY = 24 * 60 * 60 * 1000;

export interface Env extends Numbers {
  readonly DOCUMENTS: DurableObjectNamespace<Document>;
  /** Pages elsewhere that may use the relay, with blanks between them. */
  readonly ORIGINS?: string;
  /** Root keys of owners whose documents are kept, with blanks between them; none: everybody's. */
  readonly OWNERS?: string;
  /** Where large envelopes go that have been here for a day; without it they stay. */
  readonly SNAPSHOTS?: R2Bucket;
}

/** As in server/httpapi: no read waits longer for news. */
const LONGEST_WAIT = 30_000;

export class Document extends DurableObject<Env> {
  readonly #store: Store;
  readonly #away: Away;
  readonly #settings: Settings;
  readonly #sharing: Sharing;
  /** The instance that knows the relay and the peers. */
  #instance = 0;
  #relay = 0;
  readonly #peers = new Map<WebSocket, number>();
  readonly #lines = new WeakMap<WebSocket, Line>();
  readonly #waiting = new Set<() => void>();
  /** When it was last looked for sockets that are silent: Unix milliseconds. */
  #looked = 0;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    // The runtime answers it, and the object sleeps on.
    ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair(PING, PONG));
    this.#settings = settings(env);
    this.#sharing = new Sharing(() => this.#store.doc ?? "", (doc, path) => this.#tell(doc, path), (step) => ctx.waitUntil(step), this.#settings.patience);
    this.#away = new Away(env.SNAPSHOTS);
    this.#store = new Store(ctx.storage, (key) => this.#away.fetch(key));
    this.#store.onchange = () => this.#waiting.forEach((look) => look());
    // Of a document that nobody brought nothing is stored: its sockets tell what it is, and what it said of itself.
    const [told] = ctx.getWebSockets();
    if (told !== undefined && this.#store.doc === null) [this.#store.doc, this.#store.id] = ctx.getTags(told) as [string, string];
    if (this.#store.doc !== null) {
      const since = memory.forget(this.#store.doc);
      for (const socket of ctx.getWebSockets()) this.#line(socket).find(since);
    }
  }

  get #id(): Uint8Array {
    return fromBase32(this.#store.doc!)!;
  }

  override async fetch(request: Request): Promise<Response> {
    if (this.#store.doc === null) this.#store.doc = request.headers.get(DOC)!;
    const name = request.headers.get(NAME)!;
    if (request.headers.get("Upgrade") === "websocket") return this.#connect(name);
    const { pathname, searchParams } = new URL(request.url);
    const number = (key: string): number => Number(searchParams.get(key));
    switch (pathname) {
      case "/ask": return this.#answer(this.#ask(name, new Uint8Array(await request.arrayBuffer())));
      case "/read": return this.#answer(this.#turn((core) => core.read(this.#relay, this.#id, number("since"))));
      case "/await": return this.#await(number("since"), number("wait"));
      case LOOK: return this.#look();
      case LET_GO: return this.#letGo();
      default: return new Response(null, { status: 404 });
    }
  }

  async #answer(given: Given): Promise<Response> {
    const frame = given instanceof Uint8Array ? given : await given.fetch();
    return new Response(frame as Uint8Array<ArrayBuffer>, { headers: { "Freehold-Store": this.#store.id } });
  }

  #ask(name: string, frame: Uint8Array): Given {
    const answer = this.#turn((core) => core.ask(this.#relay, this.#id, new TextEncoder().encode(name), frame));
    this.#plan();
    return answer;
  }

  /** Those that were not closed. */
  get #sockets(): readonly WebSocket[] {
    return this.ctx.getWebSockets().filter((socket) => socket.readyState === WebSocket.OPEN);
  }

  /** Ends sockets whose devices have said nothing for too long: they vanished. The runtime notes when it answered one for a sleeping object. */
  #dismiss(): void {
    this.#looked = Date.now();
    for (const socket of this.#sockets) {
      const pinged = this.ctx.getWebSocketAutoResponseTimestamp(socket)?.getTime() ?? 0;
      if (this.#looked - Math.max(this.#line(socket).heard, pinged) > 1000 * this.#settings.idle) this.#end(socket, 1001, "nothing was heard for too long");
    }
  }

  /** Answers when the log ends elsewhere than at a cursor, or after so many milliseconds. */
  async #await(since: number, wait: number): Promise<Response> {
    if (this.#waiting.size >= this.#settings.sockets) return busy();
    await new Promise<void>((resolve) => {
      const look = (): void => {
        if (!this.#store.isGone && (this.#store.head ?? since) === since) return;
        clearTimeout(over);
        this.#waiting.delete(look);
        resolve();
      };
      const over = setTimeout(() => {
        this.#waiting.delete(look);
        resolve();
      }, Math.min(wait, LONGEST_WAIT));
      this.#waiting.add(look);
      look();
    });
    return new Response(null, { status: 204 });
  }

  /** Readers ask again who wait for memory. */
  #look(): Response {
    this.#turn((core) => core.look(this.#relay));
    return new Response(null, { status: 204 });
  }

  /** Gives up all sockets, where one has held memory for too long that somebody waits for: the runtime keeps what a closed one has not
      taken as long as the network does, and frees it with the object alone. Devices come back. */
  #letGo(): Response {
    if (this.#sharing.isOverdue) this.ctx.abort("a large message was not taken in time");
    return new Response(null, { status: 204 });
  }

  /** Asks an object, this or another. */
  async #tell(doc: string, path: string): Promise<void> {
    const { DOCUMENTS } = this.env;
    // One that fails meanwhile begins anew, and its devices ask again.
    await DOCUMENTS.get(DOCUMENTS.idFromName(doc)).fetch(`http://document${path}`, { headers: { [DOC]: doc } }).catch(() => undefined);
  }

  #connect(name: string): Response {
    this.#dismiss();
    // Those that were closed and did not answer are the runtime's until the network tells: as many again, and no more.
    const { sockets } = this.#settings;
    if (this.#sockets.length >= sockets || this.ctx.getWebSockets().length >= 2 * sockets) return busy();
    const { 0: client, 1: socket } = new WebSocketPair();
    const hello = joined(crypto.getRandomValues(new Uint8Array(32)), new TextEncoder().encode(name));
    this.#turn((core) => {
      this.ctx.acceptWebSocket(socket, [this.#store.doc!, this.#store.id]);
      this.#peers.set(socket, core.connect(this.#relay, this.#line(socket), hello));
    });
    return new Response(null, { status: 101, webSocket: client, headers: { "Sec-WebSocket-Protocol": SUBPROTOCOL } });
  }

  override webSocketMessage(socket: WebSocket, message: ArrayBuffer | string): void {
    if (message instanceof ArrayBuffer && message.byteLength > limits.frame) return this.#end(socket, 1009, "a frame above the limit");
    try {
      this.#turn((core) => {
        const peer = this.#peers.get(socket);
        // A text is no frame; the relay says so.
        if (peer !== undefined) core.receive(peer, message instanceof ArrayBuffer ? new Uint8Array(message) : new Uint8Array(0));
      });
      this.#line(socket).hear();
      if (Date.now() - this.#looked > 1000 * this.#settings.idle) this.#dismiss();
      this.#plan();
    } catch (cause) {
      // The device comes back and sends what was not acknowledged again, to a new instance.
      console.error(String(cause));
      this.#end(socket, 1011, "the relay stumbled");
    }
  }

  override webSocketClose(socket: WebSocket, code: number): void {
    memory.drop(this.#line(socket));
    this.#end(socket, code === 1005 || code === 1006 ? 1000 : code, "");
  }

  override webSocketError(socket: WebSocket): void {
    memory.drop(this.#line(socket));
    this.#end(socket, 1011, "");
  }

  override async alarm(): Promise<void> {
    if (this.#store.doc === null) return;
    this.#dismiss();
    try {
      if (this.#store.ripens) this.#turn((core) => core.sweep(this.#relay));
      await this.#away.tidy(this.#store, this.ctx.storage);
    } finally {
      // Also where something fails for longer than the runtime tries.
      if (this.#hasChores) await this.ctx.storage.setAlarm(Date.now() + SWEEP_EVERY);
    }
  }

  get #hasChores(): boolean {
    return this.#store.ripens || this.#away.wants(this.#store);
  }

  /** Sees to it that what may be let go of or stored away some day is looked at. */
  #plan(): void {
    if (!this.#hasChores) return;
    this.ctx.waitUntil(
      this.ctx.storage.getAlarm().then(async (at) => {
        if (at === null) await this.ctx.storage.setAlarm(Date.now() + SWEEP_EVERY);
      }),
    );
  }

  /** A socket's line outlives the core's instance: what waits on it goes out before anything else. */
  #line(socket: WebSocket): Line {
    const line = this.#lines.get(socket) ?? new Line(socket, this.#store.doc!, memory, (step) => this.ctx.waitUntil(step));
    this.#lines.set(socket, line);
    return line;
  }

  #end(socket: WebSocket, code: number, reason: string): void {
    const peer = this.#peers.get(socket);
    this.#peers.delete(socket);
    try {
      socket.close(code, reason);
    } catch {
      // It is closed already.
    }
    if (peer !== undefined && this.#instance === instances) this.#guard(() => shared?.disconnect(this.#relay, peer));
    else this.#sharing.settle();
  }

  /** Has the core do something for this document. */
  #turn<T>(use: (core: Reactor) => T): T {
    return this.#guard(() => use(this.#awake()));
  }

  /** A core that fell did not tell what it had said by then, nor on which sockets: none can go on where its state was kept last.
      All end, and their devices come back. */
  #guard<T>(use: () => T): T {
    try {
      return use();
    } catch (cause) {
      if (shared?.fell === true) for (const socket of this.ctx.getWebSockets()) this.#end(socket, 1011, "the relay stumbled");
      throw cause;
    } finally {
      this.#sharing.settle();
    }
  }

  /** The core with this object's relay in it and all sockets connected. */
  #awake(): Reactor {
    if (shared === null || shared.isOver) {
      shared = new Reactor(module);
      instances++;
    }
    if (this.#instance === instances && shared.uses(this.#relay)) return shared;
    this.#instance = instances;
    this.#peers.clear();
    const doc = this.#store.doc!;
    this.#relay = shared.open(joined(this.#id, new TextEncoder().encode(this.env.OWNERS ?? "")), this.#store, (waits) => memory.hasRoom(doc, waits), this.#settings.documentSize ?? 0, this.#settings.appendRate);
    for (const socket of this.#sockets) {
      const line = this.#line(socket);
      if (line.state !== null) this.#peers.set(socket, shared.resume(this.#relay, line, line.state));
    }
    return shared;
  }
}

/** Refuses what is too much at once, as server/httpapi does. */
const busy = (): Response =>
  new Response(
    encodeFrame({
      type: "error", doc: null, req: null, code: "busy", message: "The relay has too much to do at once.", hint: "Wait a little and try again.", retryAfter: 1000, seq: null,
    }),
    { status: 429, headers: { "Content-Type": MEDIA_TYPE, "Freehold-Error": "busy", "Retry-After": "1" } },
  );
