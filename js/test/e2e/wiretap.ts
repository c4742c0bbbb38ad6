// A wire tap: a TCP proxy before the relay that keeps every byte of both directions, with the mask of WebSocket clients taken off.

import { createServer, connect, type Socket } from "node:net";
import type { AddressInfo } from "node:net";

export interface Wiretap {
  /** Where devices connect to instead of the relay. */
  readonly url: string;
  /** What devices sent and were sent so far: HTTP as it was, WebSocket payloads unmasked. */
  heard(): Buffer;
  end(): Promise<void>;
}

/** Takes the masks off a client's WebSocket frames (RFC 6455 §5.3); before the upgrade bytes pass as they are. */
class Unmask {
  #held = Buffer.alloc(0);
  #upgraded = false;
  readonly out: Buffer[] = [];

  feed(bytes: Buffer): void {
    this.#held = Buffer.concat([this.#held, bytes]);
    if (!this.#upgraded) {
      const end = this.#held.indexOf("\r\n\r\n");
      const isUpgrade = end >= 0 && /upgrade: websocket/i.test(this.#held.subarray(0, end).toString("latin1"));
      if (!isUpgrade) {
        this.out.push(bytes);
        if (end >= 0) this.#held = Buffer.alloc(0);
        return;
      }
      this.out.push(this.#held.subarray(0, end + 4));
      this.#held = this.#held.subarray(end + 4);
      this.#upgraded = true;
    }
    while (this.#held.length >= 2) {
      let length = this.#held[1]! & 0x7f, at = 2;
      if (length === 126) { if (this.#held.length < 4) return; length = this.#held.readUInt16BE(2); at = 4; }
      else if (length === 127) { if (this.#held.length < 10) return; length = Number(this.#held.readBigUInt64BE(2)); at = 10; }
      const masked = (this.#held[1]! & 0x80) !== 0;
      const start = at + (masked ? 4 : 0);
      if (this.#held.length < start + length) return;
      const payload = Buffer.from(this.#held.subarray(start, start + length));
      if (masked) for (let i = 0; i < length; i++) payload[i]! ^= this.#held[at + (i & 3)]!;
      this.out.push(payload);
      this.#held = this.#held.subarray(start + length);
    }
  }
}

export const tap = async (relayPort: number): Promise<Wiretap> => {
  const down: Buffer[] = [];
  const up: Unmask[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const relay = connect(relayPort, "127.0.0.1");
    const unmask = new Unmask();
    up.push(unmask);
    for (const s of [client, relay]) {
      sockets.add(s);
      s.on("error", () => undefined);
      s.on("close", () => { client.destroy(); relay.destroy(); sockets.delete(s); });
    }
    client.on("data", (bytes) => { unmask.feed(bytes as Buffer); relay.write(bytes); });
    relay.on("data", (bytes) => { down.push(bytes as Buffer); client.write(bytes); });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    heard: () => Buffer.concat([...up.flatMap((u) => u.out), ...down]),
    end: () => new Promise((resolve) => { for (const s of sockets) s.destroy(); server.close(() => resolve()); }),
  };
};
