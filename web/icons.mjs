// The app's icon from one list of shapes: written as SVG, and as PNG by a small rasteriser,
// so that a build needs no image tool. A surveyor's flag in the shape of an F, planted on one's own hill.

import { deflateSync } from "node:zlib";

const MOSS = [0x2b, 0x6a, 0x4d], HILL = [0x1c, 0x4a, 0x35], PAPER = [0xfa, 0xf8, 0xf3];

/** In a unit square, painted in order. `pole` and the two pennants make the F. */
const SHAPES = [
  { kind: "circle", x: 0.5, y: 1.42, r: 0.72, fill: HILL },
  { kind: "rect", x: 0.335, y: 0.2, w: 0.085, h: 0.6, r: 0.02, fill: PAPER },
  { kind: "rect", x: 0.335, y: 0.2, w: 0.36, h: 0.095, r: 0.02, fill: PAPER },
  { kind: "rect", x: 0.335, y: 0.395, w: 0.27, h: 0.085, r: 0.02, fill: PAPER },
];

const inRect = (px, py, { x, y, w, h, r }) => {
  const dx = Math.max(Math.abs(px - x - w / 2) - w / 2 + r, 0);
  const dy = Math.max(Math.abs(py - y - h / 2) - h / 2 + r, 0);
  return dx * dx + dy * dy <= r * r;
};
const inCircle = (px, py, { x, y, r }) => (px - x) ** 2 + (py - y) ** 2 <= r * r;
const inside = (px, py, shape) => (shape.kind === "rect" ? inRect : inCircle)(px, py, shape);

/** `corner`: radius of the ground in unit lengths; 0 fills the square, as a maskable icon must. */
const ground = (corner) => ({ kind: "rect", x: 0, y: 0, w: 1, h: 1, r: corner, fill: MOSS });

/** The colour and cover of one point: [r, g, b, a]. */
const paint = (px, py, base) => {
  if (!inside(px, py, base)) return [0, 0, 0, 0];
  let colour = base.fill;
  for (const shape of SHAPES) if (inside(px, py, shape)) colour = shape.fill;
  return [...colour, 255];
};

const crcTable = Int32Array.from({ length: 256 }, (_, n) => {
  for (let k = 0; k < 8; k++) n = n & 1 ? 0xedb88320 ^ (n >>> 1) : n >>> 1;
  return n;
});
const crc = (bytes) => {
  let c = -1;
  for (const b of bytes) c = crcTable[(c ^ b) & 255] ^ (c >>> 8);
  return ~c >>> 0;
};
const chunk = (type, data) => {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const out = Buffer.alloc(body.length + 8);
  out.writeUInt32BE(data.length, 0);
  body.copy(out, 4);
  out.writeUInt32BE(crc(body), body.length + 4);
  return out;
};

/** A PNG of `size` pixels, 4 × 4 samples each. @see https://www.w3.org/TR/png-3/ */
export const png = (size, { corner = 0.22 } = {}) => {
  const base = ground(corner), samples = 4, raw = Buffer.alloc(size * (size * 4 + 1));
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      const sum = [0, 0, 0, 0];
      for (let s = 0; s < samples * samples; s++) {
        const px = (x + ((s % samples) + 0.5) / samples) / size;
        const py = (y + (Math.floor(s / samples) + 0.5) / samples) / size;
        const [r, g, b, a] = paint(px, py, base);
        sum[0] += r * a; sum[1] += g * a; sum[2] += b * a; sum[3] += a;
      }
      const at = y * (size * 4 + 1) + 1 + x * 4;
      for (let i = 0; i < 3; i++) raw[at + i] = sum[3] === 0 ? 0 : Math.round(sum[i] / sum[3]);
      raw[at + 3] = Math.round(sum[3] / (samples * samples));
    }
  }
  const head = Buffer.alloc(13);
  head.writeUInt32BE(size, 0);
  head.writeUInt32BE(size, 4);
  head.set([8, 6, 0, 0, 0], 8); // 8 bits, RGBA
  return Buffer.concat([
    Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]),
    chunk("IHDR", head), chunk("IDAT", deflateSync(raw, { level: 9 })), chunk("IEND", Buffer.alloc(0)),
  ]);
};

const hex = (rgb) => "#" + rgb.map((v) => v.toString(16).padStart(2, "0")).join("");
const num = (v) => String(Math.round(v * 5120) / 10);

/** The same icon as SVG, 512 units wide. */
export const svg = (corner = 0.22) => {
  const draw = (s) => s.kind === "rect"
    ? `<rect x="${num(s.x)}" y="${num(s.y)}" width="${num(s.w)}" height="${num(s.h)}" rx="${num(s.r)}" fill="${hex(s.fill)}"/>`
    : `<circle cx="${num(s.x)}" cy="${num(s.y)}" r="${num(s.r)}" fill="${hex(s.fill)}" clip-path="url(#g)"/>`;
  const clip = `<clipPath id="g"><rect width="512" height="512" rx="${num(corner)}"/></clipPath>`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 512 512">${clip}${[ground(corner), ...SHAPES].map(draw).join("")}</svg>\n`;
};
