// Two real relays at once: each has everything, and either alone is enough.

import assert from "node:assert/strict";
import { test } from "node:test";
import { startRelay } from "../e2e/relayprocess.ts";
import { directoryOf, start } from "./vault-harness.ts";

test("S19: a document reaches every relay, and goes on when one of them dies", { timeout: 120_000 }, async (t) => {
  const [one, two] = [await startRelay(), await startRelay()];
  t.after(() => Promise.all([one.end(), two.end()]));
  const path = await directoryOf();
  const page = await start(t, path, [one.url, two.url]);
  const mine = await page.edit({ op: "create", type: "note" });
  await mine.type(0, "both ");
  const { link } = await page.request({ op: "link", doc: mine.doc, rights: "write" });
  const other = await start(t, await directoryOf(), [two.url]);
  const theirs = await other.edit({ op: "join", link, type: "note" });
  await other.until("who knows only the second has it", () => theirs.value === "both " && theirs.status.content === "complete");
  await page.until("the first has it as well", () => mine.status.relay === 5 && mine.status.unsent === 0);

  await one.stop();
  await mine.type(5, "alive ");
  await page.until("one relay is enough", () => mine.status.relay === 11 && mine.status.unsent === 0 && mine.status.relayState === "live");
  await other.until("it comes by the second", () => theirs.value === "both alive ");
  await theirs.type(11, "too");
  await page.until("and so do answers", () => mine.value === "both alive too");

  await one.start();
  await page.reconnect();
  const third = await start(t, await directoryOf(), [one.url]);
  const late = await third.edit({ op: "join", link, type: "note" });
  await third.until("the first is brought what it missed, also by others", () => late.value === "both alive too" && late.status.content === "complete");
  assert.equal(late.digest, mine.digest);
  await late.type(0, "> ");
  await other.until("devices on either relay meet on the one that has both", () => theirs.value === "> both alive too");

  // A closed document, and a list of relays that changes.
  await page.request({ op: "close", doc: mine.doc });
  await page.request({ op: "relays", relays: [two.url] });
  await theirs.type(0, "> ");
  const again = await page.edit({ op: "open", doc: mine.doc, type: "note" });
  await page.until("it is on the second alone now", () => again.value === "> > both alive too" && again.status.relayState === "live");
  await one.stop();
  await page.request({ op: "forget", doc: mine.doc });
  assert.deepEqual(page.problems, []);
});
