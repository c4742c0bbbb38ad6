// The icons are PNGs that a decoder accepts, with the ground where it should be.

import assert from "node:assert/strict";
import { test } from "node:test";
import { inflateSync } from "node:zlib";
import { png, svg } from "../icons.mjs";

/** Colour of one pixel, [r, g, b, a]; filter 0 only, which is what the writer uses. */
const pixel = (file: Buffer, size: number, x: number, y: number): number[] => {
  const data: Buffer[] = [];
  for (let at = 8; at < file.length;) {
    const length = file.readUInt32BE(at);
    if (file.toString("latin1", at + 4, at + 8) === "IDAT") data.push(file.subarray(at + 8, at + 8 + length));
    at += length + 12;
  }
  const raw = inflateSync(Buffer.concat(data)), row = size * 4 + 1;
  assert.equal(raw.length, row * size);
  assert.equal(raw[y * row], 0);
  return [...raw.subarray(y * row + 1 + x * 4, y * row + 5 + x * 4)];
};

test("PNG icons", () => {
  const icon = png(48), whole = png(48, { corner: 0 });
  assert.deepEqual([...icon.subarray(0, 8)], [137, 80, 78, 71, 13, 10, 26, 10]);
  assert.deepEqual(pixel(icon, 48, 0, 0), [0, 0, 0, 0], "round corner");
  assert.deepEqual(pixel(whole, 48, 0, 0), [0x2b, 0x6a, 0x4d, 255], "a maskable icon has no corner");
  assert.deepEqual(pixel(icon, 48, 18, 24), [0xfa, 0xf8, 0xf3, 255], "the pole of the flag");
  assert.match(svg(), /^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg" viewBox="0 0 512 512">/);
});
