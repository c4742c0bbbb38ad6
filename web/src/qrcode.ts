// A link as a picture for another device's camera. Only where the page came over HTTPS or from this machine: elsewhere whoever listens could
// have changed the script that draws it, and the code would lead to them.

import { generate } from "lean-qr";

/** The light margin that readers need, in modules. */
const QUIET = 4;
const SVG = "http://www.w3.org/2000/svg";

/** Null where no code should be shown. Dark on light in both themes: that is what cameras expect. */
export const qrCode = (text: string, name: string): SVGSVGElement | null => {
  if (!isSecureContext) return null;
  const code = generate(text);
  let dark = "";
  for (let y = 0; y < code.size; y++) for (let x = 0; x < code.size; x++) if (code.get(x, y)) dark += `M${x + QUIET} ${y + QUIET}h1v1h-1z`;
  const side = code.size + 2 * QUIET;
  const svg = document.createElementNS(SVG, "svg"), path = document.createElementNS(SVG, "path");
  for (const [key, value] of Object.entries({ class: "qr", viewBox: `0 0 ${side} ${side}`, role: "img", "aria-label": name, "shape-rendering": "crispEdges" })) svg.setAttribute(key, value);
  path.setAttribute("d", dark);
  svg.append(path);
  return svg;
};
