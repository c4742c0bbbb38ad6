// What a relay refuses concerns what it refused, and nothing else: the real relay, and errors said in its place.

import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { startRelay } from "../e2e/relayprocess.ts";
import { openSocket } from "../harness/websocket.ts";
import { nodeEnv } from "../../src/vault/nodeenv.ts";
import type { Said } from "../../src/wire/socket.ts";
import type { RelayError } from "../../src/wire/wire.ts";
import { directoryOf, start, type Page } from "./vault-harness.ts";

const LONG = 3_600_000;

type Word = Extract<Said, { readonly type: "presence" }>;

interface Relayed {
  readonly page: Page;
  /** Once so many words of presence were sent: the last of them. */
  word(count: number): Promise<Word>;
  refuse(e: Pick<RelayError, "doc" | "req" | "code" | "retryAfter">): void;
}

/** A vault at a relay that also refuses what the test says. */
const relayed = async (t: TestContext): Promise<Relayed> => {
  const relay = await startRelay();
  t.after(() => relay.end());
  const path = await directoryOf();
  const words: Word[] = [];
  let look = (): void => undefined;
  let refuse: Relayed["refuse"] = () => assert.fail("there is no connection");
  const page = await start(t, path, [relay.url], { ...nodeEnv(path), openWire: (address, on) => {
    refuse = (e) => on.frame({ type: "error", message: "No.", hint: "Later.", seq: null, ...e });
    const wire = openSocket(address, on);
    return { ...wire, send: (frame) => {
      if (frame.type === "presence") words.push(frame);
      look();
      wire.send(frame);
    } };
  } });
  const word = (count: number): Promise<Word> => new Promise((resolve) => {
    look = () => { if (words.length >= count) resolve(words[count - 1]!); };
    look();
  });
  return { page, word, refuse: (e) => refuse(e) };
};

test("a refusal that comes after its document was closed leaves the others alone", { timeout: 60_000 }, async (t) => {
  const { page, refuse } = await relayed(t);
  const gone = await page.edit({ op: "create", type: "note" });
  const other = await page.edit({ op: "create", type: "note" });
  await gone.type(0, "gone");
  await other.type(0, "other");
  await page.until("both are on the relay", () => gone.status.relay === 4 && other.status.relay === 5);
  await page.request({ op: "close", doc: gone.doc });
  refuse({ doc: gone.doc, req: null, code: "gone", retryAfter: 0 });
  await other.type(5, "!");
  await page.until("the other goes on", () => other.status.relay === 6);
  assert.equal(other.status.problem, null);
  // One that names no document is about all of them.
  refuse({ doc: null, req: null, code: "quota", retryAfter: 0 });
  await page.until("it is told", () => other.status.problem?.code === "relay-refused");
});

test("a refused word of presence holds no edit back, nor do those that were under way with it", { timeout: 60_000 }, async (t) => {
  const { page, word, refuse } = await relayed(t);
  const note = await page.edit({ op: "create", type: "note" });
  await note.type(0, "one");
  await page.until("it is on the relay", () => note.status.relay === 3);
  const { req } = await word(1);
  for (const code of ["busy", "forbidden"] as const) for (let i = 0; i < 2; i++) refuse({ doc: note.doc, req, code, retryAfter: LONG });
  await note.type(3, " two");
  await page.until("the edit goes out at once", () => note.status.relay === 7);
  assert.equal(note.status.problem, null);
  await page.request({ op: "presence", doc: note.doc, state: Uint8Array.of(0x80) });
  assert.notEqual((await word(2)).cert, null, "the next word introduces the session again");
});
