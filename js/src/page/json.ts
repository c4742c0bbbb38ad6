// Views as plain JSON (heads, export) and back (the list shows heads through the same schema).

import { Kind } from "../core/commands.ts";
import { toBase64url } from "../ids.ts";
import { freezeDeep, type Def, type ObjectDef, shown, type TreeDef } from "./fields.ts";
import { PinnedText } from "./pinnedtext.ts";
import { PinnedRichText } from "./richtext.ts";

/** Values of a view are as deep as its schema, the levels of trees that views show and the 64 of a register: the recursions below are bounded. */
const isObject = (v: unknown): v is Record<string, unknown> => typeof v === "object" && v !== null;

/** A structured-cloneable copy: texts are strings, rich texts their spans; absent optionals are left out. */
export const toPlain = (view: unknown): unknown => {
  if (view instanceof PinnedText) return view.toString();
  if (view instanceof PinnedRichText) return toPlain(view.spans());
  if (view instanceof Uint8Array) return view;
  if (Array.isArray(view)) return view.map(toPlain);
  if (!isObject(view)) return view;
  const plain = Object.create(null) as Record<string, unknown>;
  for (const [key, v] of Object.entries(view)) if (v !== undefined) plain[key] = toPlain(v);
  return plain;
};

/**
 * The canonical text: objects in the order of the schema, records by code unit of their keys, bytes in base64url, two spaces, a line end.
 * Replicas with the same state get the same bytes.
 */
export const toCanonical = (view: unknown): string => `${canonical(view, "\n")}\n`;

const canonical = (v: unknown, line: string): string => {
  if (v instanceof PinnedText) return JSON.stringify(v.toString());
  if (v instanceof PinnedRichText) return canonical(v.spans(), line);
  if (v instanceof Uint8Array) return JSON.stringify(toBase64url(v));
  if (!isObject(v)) return JSON.stringify(v);
  const inner = `${line}  `;
  if (Array.isArray(v)) return v.length === 0 ? "[]" : `[${v.map((item) => inner + canonical(item, inner)).join(",")}${line}]`;
  // Views of records have no prototype. JavaScript itself puts keys that look like integers first, whatever the order of writing.
  const keys = Object.keys(v).filter((k) => v[k] !== undefined);
  if (Object.getPrototypeOf(v) === null) keys.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  return keys.length === 0 ? "{}" : `{${keys.map((k) => `${inner}${JSON.stringify(k)}: ${canonical(v[k], inner)}`).join(",")}${line}}`;
};

/** What `toPlain` gave (maybe by another version of the schema) as a frozen view of this one. */
export const fromPlain = (def: ObjectDef, plain: unknown): object => viewOf(def, plain) as object;

const viewOf = (def: Def, plain: unknown): unknown => {
  switch (def.kind) {
    case Kind.value: return freezeDeep(shown(def, plain));
    case Kind.text: return PinnedText.of(typeof plain === "string" ? plain : "");
    case Kind.richText: return PinnedRichText.of(def, plain, PinnedText.of);
    case Kind.counter: return typeof plain === "number" ? plain : 0;
    case Kind.list: return Object.freeze(Array.isArray(plain) ? plain.map((item) => viewOf(def.of, item)) : []);
    case Kind.tree: return Object.freeze(Array.isArray(plain) ? plain.map((node) => branchOf(def, node)) : []);
    case Kind.map: {
      const from = isObject(plain) ? plain : {};
      const view: Record<string, unknown> = {};
      if (typeof from["$id"] === "string") view["$id"] = from["$id"];
      def.shape.keys.forEach((key, i) => {
        view[key] = viewOf(def.shape.fields[i]!, Object.hasOwn(from, key) ? from[key] : undefined);
      });
      return Object.freeze(view);
    }
    case Kind.record: {
      const view = Object.create(null) as Record<string, unknown>;
      if (isObject(plain)) for (const key of Object.keys(plain)) view[key] = viewOf(def.of, plain[key]);
      return Object.freeze(view);
    }
  }
};

const branchOf = (def: TreeDef, plain: unknown): unknown => {
  const from = isObject(plain) ? plain : {};
  const children = viewOf(def, from["children"]);
  const $id = typeof from["$id"] === "string" ? from["$id"] : "";
  if (def.of.kind === Kind.value) return Object.freeze({ $id, value: viewOf(def.of, from["value"]), children });
  return Object.freeze(Object.assign({}, viewOf(def.of, { ...from, $id }), { children }));
};
