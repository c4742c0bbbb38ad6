// What a schema is at run time. The types in types.ts are its face; these definitions are what views and drafts are built from.

import type { StandardSchemaV1 } from "@standard-schema/spec";
import { isWellFormed } from "../core/value.ts";
import { Kind } from "../core/commands.ts";
import { FreeholdError, kindOf } from "../errors.ts";

/** A register's rules. Both functions are pure and synchronous. */
export interface RegisterDef {
  readonly kind: typeof Kind.value;
  readonly optional: boolean;
  /** What a reader sees when nothing (or nothing of this type) is stored; frozen. */
  readonly fallback: unknown;
  /** May be left out of an input. */
  readonly omittable: boolean;
  /** The value to store. Throws FreeholdError("invalid"). */
  readonly check: (v: unknown) => unknown;
  /** The value to show for a stored one, or `MISMATCH`: another version or a hostile peer may have stored anything. */
  readonly read: (stored: unknown) => unknown;
}
export interface TextDef { readonly kind: typeof Kind.text }
/** One kind of mark: what it may say, and the flags of the boundary that say where it grows. */
export interface MarkDef {
  readonly value: RegisterDef;
  readonly flags: number;
}
export interface RichTextDef {
  readonly kind: typeof Kind.richText;
  readonly marks: ReadonlyMap<string, MarkDef>;
  readonly embed: RegisterDef | null;
}
export interface CounterDef { readonly kind: typeof Kind.counter }
export interface ObjectDef { readonly kind: typeof Kind.map; readonly shape: ShapeDef }
export interface ListDef { readonly kind: typeof Kind.list; readonly of: RegisterDef | ObjectDef }
export interface RecordDef { readonly kind: typeof Kind.record; readonly of: Def }
export interface TreeDef { readonly kind: typeof Kind.tree; readonly of: RegisterDef | ObjectDef }
export type ChildDef = TextDef | RichTextDef | CounterDef | ObjectDef | ListDef | RecordDef | TreeDef;
export type Def = RegisterDef | ChildDef;

/** Fields by position: views keep the declared order, which is also the order of the export. */
export interface ShapeDef {
  readonly keys: readonly string[];
  readonly fields: readonly Def[];
  readonly indexByKey: ReadonlyMap<string, number>;
  /** The fields that are containers. */
  readonly children: readonly number[];
}

export const MISMATCH: unique symbol = Symbol("stored value of another type");

/** The definition behind what `s.…()` returned; hidden from completion. */
export const DEF: unique symbol = Symbol("definition");
export interface Defined { readonly [DEF]: Def }

const bad = (wanted: string, got: unknown): FreeholdError =>
  new FreeholdError("invalid", `${wanted} was expected, not ${typeof got === "number" ? String(got) : kindOf(got)}`, "assign a value of the type that the schema declares");

type Rules = Pick<RegisterDef, "check" | "read" | "fallback">;

/** A register whose stored form is its value. */
const simple = (wanted: string, is: (v: unknown) => boolean, zero: unknown): Rules => ({
  check(v) {
    if (!is(v)) throw bad(wanted, v);
    return v;
  },
  read: (v) => (is(v) ? v : MISMATCH),
  fallback: zero,
});

/** ISO 8601 in UTC to the millisecond, as Date.prototype.toISOString writes it: one text form per moment. */
const isInstant = (v: unknown): boolean => typeof v === "string" && v.length >= 24 && !Number.isNaN(Date.parse(v)) && new Date(v).toISOString() === v;

const validated = (schema: StandardSchemaV1): Rules => {
  const run = (v: unknown): { readonly value: unknown } | { readonly issue: string } => {
    const result = schema["~standard"].validate(v);
    if (result instanceof Promise) {
      result.catch(() => {}); // its answer is of no use any more
      throw new FreeholdError("invalid", "a validator answered asynchronously", "use a synchronous schema: a change is applied in one turn");
    }
    if (!result.issues) return { value: result.value };
    const [first] = result.issues;
    const path = first?.path?.map((p) => String(typeof p === "object" ? p.key : p)).join(".");
    return { issue: `${path ? `${path}: ` : ""}${first?.message ?? "refused"}` };
  };
  return {
    check(v) {
      const r = run(v);
      if ("issue" in r) throw new FreeholdError("invalid", `the schema refuses this value: ${r.issue}`, "store a value that the schema accepts");
      return r.value;
    },
    read(v) {
      const r = run(v);
      return "issue" in r ? MISMATCH : freezeDeep(r.value);
    },
    fallback: null,
  };
};

/** Values are at most 64 levels deep, so the recursion is bounded. */
export const freezeDeep = (v: unknown): unknown => {
  if (typeof v !== "object" || v === null || v instanceof Uint8Array || Object.isFrozen(v)) return v;
  for (const item of Object.values(v)) freezeDeep(item);
  return Object.freeze(v);
};

export const register = (rules: Rules): RegisterDef => ({ kind: Kind.value, optional: false, omittable: false, ...rules });
export const stringRules: Rules = simple("a string", (v) => typeof v === "string" && isWellFormed(v), "");
export const numberRules: Rules = simple("a finite number", (v) => Number.isFinite(v), 0);
export const booleanRules: Rules = simple("a boolean", (v) => typeof v === "boolean", false);
export const bytesRules: Rules = simple("a Uint8Array", (v) => v instanceof Uint8Array, new Uint8Array(0));
/** A mark that says nothing but that it is there. */
export const markRules: Rules = simple("true", (v) => v === true, true);
export const instantRules: Rules = simple("an ISO 8601 instant in UTC, such as 2026-01-31T12:00:00.000Z,", isInstant, "1970-01-01T00:00:00.000Z");
export const enumRules = (members: readonly string[]): Rules => {
  if (members.length === 0 || !members.every((m) => typeof m === "string")) throw new FreeholdError("invalid", "an enum has at least one member, and all are strings", "s.enum(\"low\", \"high\")");
  return simple(`one of ${members.map((m) => JSON.stringify(m)).join(", ")}`, (v) => typeof v === "string" && members.includes(v), members[0]);
};
export const jsonRules = (schema: StandardSchemaV1): Rules => {
  if (typeof schema?.["~standard"]?.validate !== "function") throw new FreeholdError("invalid", `s.json takes a validator, not ${kindOf(schema)}`, "s.json(z.object({ … })): any Standard Schema does, of Zod, Valibot, ArkType and others");
  return validated(schema);
};

/** What a reader sees of a stored value; `undefined` is none. */
export const shown = (def: RegisterDef, stored: unknown): unknown => {
  if (stored === undefined) return def.fallback;
  const value = def.read(stored);
  return value === MISMATCH ? def.fallback : value;
};

export const optional = (def: RegisterDef): RegisterDef => ({
  ...def,
  optional: true,
  omittable: true,
  fallback: undefined,
  check: (v) => (v === undefined ? undefined : def.check(v)),
});
/** The default goes through the same rules as a written value. */
export const withDefault = (def: RegisterDef, v: unknown): RegisterDef => ({
  ...def,
  omittable: true,
  fallback: freezeDeep(def.check(v)),
});

/** Builds the positional form, refusing names that views need for themselves. */
export const shapeDef = (shape: Readonly<Record<string, Defined>>): ShapeDef => {
  const keys = Object.keys(shape);
  for (const key of keys) {
    if (key === "__proto__" || key.startsWith("$")) throw new FreeholdError("invalid", `a field cannot be called ${key}`, "choose another name: $… and __proto__ are taken");
  }
  const fields = keys.map((key) => shape[key]![DEF]);
  return {
    keys,
    fields,
    children: keys.flatMap((_, i) => (fields[i]!.kind === Kind.value ? [] : [i])),
    indexByKey: new Map(keys.map((key, i) => [key, i])),
  };
};
