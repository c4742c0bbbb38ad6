// Bad input, end to end: each a typed error with a hint, and nothing damaged.

import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import { createHash, randomBytes } from "node:crypto";
import type { AddressInfo } from "node:net";
import { test, type TestContext } from "node:test";
import type { StaticServer } from "../harness/server.ts";
import { device, serveApp, type Device } from "./devices.ts";
import { startRelay } from "./relayprocess.ts";

const setUp = async (t: TestContext, relay: string | null): Promise<{ app: StaticServer; a: Device }> => {
  const app = await serveApp();
  t.after(() => app.stop());
  const a = await device("chromium", app, relay);
  t.after(() => a.browser.kill());
  return { app, a };
};

test("links: cut short, mistyped, of a wrong key", { timeout: 60_000 }, async (t) => {
  const relay = await startRelay();
  t.after(() => relay.end());
  const { app, a } = await setUp(t, relay.url);
  await a.page.evaluate(async () => { await window.app.create(); window.app.insert(0, "mine"); await window.app.saved("relay"); });
  const good = await a.page.evaluate(() => window.app.link("write"));
  const b = await device("chromium", app, relay.url);
  t.after(() => b.browser.kill());

  const fragment = good.slice(good.indexOf("#") + 1);
  const [version, doc, secret, ...rest] = fragment.split(".") as [string, string, string, ...string[]];
  const other = (c: string): string => (c === "A" ? "B" : "A");
  const mistyped = secret.slice(0, 10) + other(secret[10]!) + secret.slice(11);
  const bad: Readonly<Record<string, string>> = {
    "cut in the secret": good.slice(0, good.indexOf(secret) + 20),
    "cut before the check": `${good.slice(0, good.indexOf(secret) + secret.length)}`,
    "one character changed": good.replace(secret, mistyped),
    "no fragment": good.slice(0, good.indexOf("#")),
    "empty": "",
    "of a newer version": good.replace(`#${version}`, "#9w"),
  };
  for (const [what, link] of Object.entries(bad)) {
    const failure = await b.page.evaluate((l) => window.app.failToJoin(l), link);
    assert.equal(failure?.code, what === "of a newer version" ? "newer-format" : "bad-link", `${what}: ${JSON.stringify(failure)}`);
    assert.ok(failure.hint.length > 10, `${what}: a hint`);
  }

  // A wrong key with a right check is only found out when the document's public part arrives.
  const head = `${version}.${doc}.${mistyped}`;
  const sum = createHash("sha256").update(head).digest();
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  const check = alphabet[sum[0]! >> 2]! + alphabet[((sum[0]! & 3) << 4) | (sum[1]! >> 4)]!;
  const wrongKey = `${good.slice(0, good.indexOf("#") + 1)}${[head, check, ...rest.slice(1)].join(".")}`;
  const failure = await b.page.evaluate(async (l) => {
    const refused = await window.app.failToJoin(l);
    if (refused !== null) return refused;
    for (;;) {
      const { problem } = window.app.status();
      if (problem !== null) return problem;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }, wrongKey);
  assert.equal(failure.code, "wrong-key", JSON.stringify(failure));
  assert.ok(failure.hint.length > 10);

  await b.page.evaluate((l) => window.app.join(l), good);
  await b.page.waitFor("the right link still works", () => window.app.body() === "mine");
});

/** A relay that answers everything with noise. */
const noise = async (t: TestContext): Promise<string> => {
  const server: Server = createServer((_request, response) => {
    response.writeHead(200, { "Access-Control-Allow-Origin": "*", "Content-Type": "application/octet-stream" });
    response.end(randomBytes(300));
  });
  server.on("upgrade", (request, socket) => {
    const accept = createHash("sha1").update(`${request.headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
    socket.write(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\nSec-WebSocket-Protocol: freehold.1\r\n\r\n`);
    const speak = setInterval(() => {
      const payload = randomBytes(100);
      socket.write(Buffer.concat([Buffer.from([0x82, payload.length]), payload]));
    }, 20);
    socket.on("close", () => clearInterval(speak));
    socket.on("error", () => clearInterval(speak));
    socket.on("data", () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => { server.closeAllConnections(); server.close(); });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
};

test("a relay that answers garbage is a problem of its own; editing and storing go on", { timeout: 60_000 }, async (t) => {
  const { a } = await setUp(t, await noise(t));
  const id = await a.page.evaluate(async () => {
    const doc = await window.app.create();
    window.app.insert(0, "not yours to break");
    await window.app.saved("device");
    return doc;
  });
  const problem = await a.page.waitFor("a problem", () => window.app.status().problem);
  assert.equal(problem?.code, "relay-invalid", JSON.stringify(problem));
  assert.ok((problem?.hint.length ?? 0) > 10);
  await a.page.evaluate(async () => { window.app.insert(0, "still "); await window.app.saved("device"); });
  await a.load(null);
  await a.page.evaluate((doc) => window.app.open(doc), id);
  assert.equal(await a.page.evaluate(() => window.app.body()), "still not yours to break");
});

test("a full disk on the relay: typed, kept here, and sent when there is room", { timeout: 60_000 }, async (t) => {
  const relay = await startRelay({ fileLimitKiB: 256 });
  t.after(() => relay.end());
  const { a } = await setUp(t, relay.url);
  await a.page.evaluate(async () => {
    await window.app.create();
    window.app.insert(0, "first");
    await window.app.saved("relay");
    let noise = "";
    for (const byte of crypto.getRandomValues(new Uint8Array(60_000))) noise += byte.toString(16);
    for (let i = 0; i < 12; i++) { window.app.insert(0, noise); await window.app.saved("device"); }
  });
  const problem = await a.page.waitFor("the relay's refusal", () => window.app.status().problem, { timeout: 20_000 });
  assert.equal(problem?.code, "relay-refused", JSON.stringify(problem));
  assert.ok((problem?.hint.length ?? 0) > 10);
  const status = await a.page.evaluate(() => window.app.status());
  assert.equal(status.newest, "device", "nothing is said to be on the relay that is not");
  assert.ok(status.unsent > 0);
});
