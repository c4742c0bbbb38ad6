// The harness itself, in each browser: what other tests rely on.

import assert from "node:assert/strict";
import { test } from "node:test";
import { launch, type Engine } from "../harness/browser.ts";
import { serve } from "../harness/server.ts";

const html = `<!doctype html><html lang="en"><title>harness</title><input id="in" aria-label="in"><button id="b">press</button><script src="/page.js"></script>`;
const script = `try { eval("1"); } catch (e) { document.documentElement.dataset.eval = String(e); }
document.getElementById("b").addEventListener("click", () => { document.title = "pressed"; });`;

for (const engine of ["chromium", "firefox", "webkit"] as const satisfies readonly Engine[]) {
  test(`${engine}: runs functions under the production CSP, takes input, is cut off and killed`, async (t) => {
    const server = await serve({ files: { "/index.html": html, "/page.js": script } });
    t.after(() => server.stop());
    const browser = await launch(engine);
    t.after(() => browser.kill());
    const page = await browser.newPage();
    await page.goto(`${server.url}/`);
    const sum = await page.evaluate((a, b) => { const add = (x: number, y: number): number => x + y; return Promise.resolve({ sum: add(a, b), title: document.title }); }, 20, 22);
    assert.deepEqual(sum, { sum: 42, title: "harness" });
    await assert.rejects(page.evaluate(() => { throw new Error("thrown in the page"); }), /thrown in the page/);
    assert.match(await page.evaluate(() => document.documentElement.dataset["eval"] ?? "was allowed"), /EvalError|unsafe-eval|Trusted/, "the CSP is in force");

    await page.click("#in");
    await page.type("Hé 1");
    await page.press("Backspace");
    assert.equal(await page.evaluate(() => (document.getElementById("in") as HTMLInputElement).value), "Hé ");
    await page.click("#b");
    await page.waitFor("the button was pressed", () => document.title === "pressed");

    const other = await browser.newPage();
    await other.goto(`${server.url}/`);
    assert.deepEqual(await Promise.all([page, other].map((p) => p.evaluate(() => document.title))), ["pressed", "harness"]);
    await other.close();

    const reaches = (): Promise<boolean> => page.evaluate(() => fetch("/page.js", { cache: "no-store" }).then((r) => r.ok, () => false));
    assert.equal(await reaches(), true);
    await server.stop();
    assert.equal(await reaches(), false);
    await server.start();
    assert.equal(await reaches(), true);
    if (engine !== "webkit") assert.deepEqual([...(await page.screenshot()).subarray(1, 4)], [0x50, 0x4e, 0x47]);
  });
}
