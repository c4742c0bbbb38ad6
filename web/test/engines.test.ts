// The first minute in the other engines: type, tick, reload; then a link from one to the other over the relay.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startRelay, type RelayProcess } from "../../js/test/e2e/relayprocess.ts";
import { launch, type Browser, type Page } from "../../js/test/harness/browser.ts";
import { BODY, items, waitForBody, waitForChip, waitForItems } from "./app.ts";

let relay: RelayProcess;
before(async () => { relay = await startRelay(); });
after(async () => { await relay?.end(); });

for (const engine of ["firefox", "webkit"] as const) {
  test(`${engine}: type, tick, reload`, async () => {
    const browser: Browser = await launch(engine);
    try {
      const page: Page = await browser.newPage();
      await page.goto(`${relay.url}/`);
      await page.click(BODY);
      await page.type("Typed in another engine");
      await waitForChip(page, "Saved here · on relay");
      await page.click(".add-item");
      await page.waitFor("the item", () => document.activeElement?.getAttribute("aria-label") === "Item 1 of 1");
      await page.type("bread");
      await page.press("Enter");
      await page.type("tickets");
      await page.click(".item .tick");
      assert.deepEqual(await items(page), ["x bread", "- tickets"]);
      await waitForChip(page, "Saved here · on relay");
      await page.reload();
      await waitForBody(page, "Typed in another engine");
      await waitForItems(page, ["x bread", "- tickets"]);
      const tall = await page.evaluate(() => { const area = document.querySelector<HTMLTextAreaElement>(".body textarea")!; return area.scrollHeight <= area.clientHeight + 1; });
      assert.ok(tall, "the text area is as tall as its text");
    } finally {
      await browser.close();
    }
  });
}
