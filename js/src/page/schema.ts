// `s` and `defineDoc`: the words a developer declares a document with.

import type { StandardSchemaV1 } from "@standard-schema/spec";
import { Kind } from "../core/commands.ts";
import { isWellFormed } from "../core/value.ts";
import { FreeholdError } from "../errors.ts";
import type { AnyReg, CounterField, DocType, MarkField, MarkOptions, ObjectField, PresenceShape, Schema, Shape, TextField } from "../types.ts";
import * as fields from "./fields.ts";
import type { PresenceDef } from "./presence.ts";
import { DEF, type Def, type Defined, type ListDef, type MarkDef, type ObjectDef, type RegisterDef, type RichTextDef, type TreeDef } from "./fields.ts";

class RegisterField implements Defined {
  readonly [DEF]: RegisterDef;
  constructor(def: RegisterDef) {
    this[DEF] = def;
  }
  optional(): RegisterField {
    return new RegisterField(fields.optional(this[DEF]));
  }
  default(v: unknown): RegisterField {
    return new RegisterField(fields.withDefault(this[DEF], v));
  }
}

// The phantom types of types.ts exist only for the checker: this is the one place where run time and types are joined.
const reg = <F>(rules: Parameters<typeof fields.register>[0]): F => new RegisterField(fields.register(rules)) as F;
const child = <F>(def: Def): F => ({ [DEF]: def }) as F;
const defOf = (f: unknown): Def => {
  const def = (f as Partial<Defined> | null)?.[DEF];
  if (!def) throw new FreeholdError("invalid", "a shape holds something that is no field", "declare fields with s.string(), s.text(), s.list(…) and so on");
  return def;
};
const registerOf = (f: unknown): RegisterDef => {
  const def = defOf(f);
  if (def.kind !== Kind.value) throw new FreeholdError("invalid", "a mark or an embed holds something that is no register", "use s.string(), s.json(…) and so on");
  return def;
};

/** What `s.mark()` returned; of no use but in `s.richText`. */
const MARK: unique symbol = Symbol("mark");
const GROWTH = { none: 0, after: 2, both: 3 } as const;
const BLOCK = 4;

const shapeOf = (shape: Shape): fields.ShapeDef => {
  for (const f of Object.values(shape)) defOf(f);
  return fields.shapeDef(shape as unknown as Record<string, Defined>);
};

export const s: Schema = {
  string: () => reg(fields.stringRules),
  number: () => reg(fields.numberRules),
  boolean: () => reg(fields.booleanRules),
  instant: () => reg(fields.instantRules),
  bytes: () => reg(fields.bytesRules),
  enum: (...members) => reg(fields.enumRules(members)),
  json: (validator) => reg(fields.jsonRules(validator as StandardSchemaV1)),
  text: (): TextField => child({ kind: Kind.text }),
  richText: (marks, embed) => {
    const byKey = new Map<string, MarkDef>();
    for (const [key, mark] of Object.entries(marks)) {
      const def = (mark as { readonly [MARK]?: MarkDef })[MARK];
      if (def === undefined || key === "__proto__") throw new FreeholdError("invalid", `${key} is no mark`, "declare marks with s.mark(…)");
      byKey.set(key, def);
    }
    return child({ kind: Kind.richText, marks: byKey, embed: embed === undefined ? null : registerOf(embed) } satisfies RichTextDef);
  },
  mark: (o: MarkOptions & { readonly value?: AnyReg } = {}) => {
    const value = o.value === undefined ? fields.register(fields.markRules) : registerOf(o.value);
    return { [MARK]: { value, flags: o.block === true ? BLOCK : GROWTH[o.grow ?? "after"] } satisfies MarkDef } as unknown as MarkField<any>;
  },
  counter: (): CounterField => child({ kind: Kind.counter }),
  object: <S extends Shape>(shape: S): ObjectField<S> => child({ kind: Kind.map, shape: shapeOf(shape) }),
  list: (of: AnyReg | ObjectField<Shape>) => {
    const def = defOf(of);
    if (def.kind !== Kind.value && def.kind !== Kind.map) throw new FreeholdError("invalid", "a list holds registers or objects", "wrap it: s.list(s.object({ … }))");
    return child({ kind: Kind.list, of: def } satisfies ListDef);
  },
  tree: (of: AnyReg | ObjectField<Shape>) => {
    const def = defOf(of);
    if (def.kind !== Kind.value && def.kind !== Kind.map) throw new FreeholdError("invalid", "a tree holds registers or objects", "wrap it: s.tree(s.object({ … }))");
    if (def.kind === Kind.map && def.shape.indexByKey.has("children")) throw new FreeholdError("invalid", "a field of a tree's nodes cannot be called children", "choose another name: children are the nodes below");
    return child({ kind: Kind.tree, of: def } satisfies TreeDef);
  },
  record: (of) => child({ kind: Kind.record, of: defOf(of) }),
};

/** In UTF-16 units. */
const MAX_NAME = 256;
const rootByType = new WeakMap<object, ObjectDef>();
const presenceByType = new WeakMap<object, PresenceDef>();

type TypeOptions<S, P> = { readonly version: number; readonly shape: S; readonly presence?: P };

/**
 * Declares a document type. `name` is stored with each document and names it for ever; `version` counts this shape's revisions. `presence`: what
 * whoever has the document open says of himself, in registers.
 */
export const defineDoc = <S extends Shape, P extends PresenceShape = {}>(name: string, o: TypeOptions<S, P>): DocType<S, P> => {
  if (typeof name !== "string" || name === "" || name.length > MAX_NAME || !isWellFormed(name)) throw new FreeholdError("invalid", `a document type's name has 1 to ${MAX_NAME} characters`, "defineDoc(\"note\", { version: 1, shape: { … } })");
  if (name.startsWith("freehold.")) throw new FreeholdError("invalid", "names that begin with freehold. are taken", "choose another name");
  return docType(name, o);
};

/** As `defineDoc`, for the package's own documents too. */
export const docType = <S extends Shape, P extends PresenceShape = {}>(name: string, o: TypeOptions<S, P>): DocType<S, P> => {
  const { version, shape, presence } = (o ?? {}) as Partial<typeof o>;
  if (!Number.isSafeInteger(version) || version! < 1) throw new FreeholdError("invalid", `the version of ${name} is no whole number from 1`, "defineDoc(name, { version: 1, shape: { … } })");
  if (typeof shape !== "object" || shape === null) throw new FreeholdError("invalid", `${name} has no shape`, "defineDoc(name, { version: 1, shape: { title: s.string() } })");
  const type: DocType<S, P> = Object.freeze({ name, version: version!, shape, ...(presence === undefined ? {} : { presence }) });
  rootByType.set(type, { kind: Kind.map, shape: shapeOf(shape) });
  presenceByType.set(type, presenceOf(presence ?? {}));
  return type;
};

const presenceOf = (shape: PresenceShape): PresenceDef => {
  const { keys, fields } = shapeOf(shape);
  return new Map(keys.map((key, i) => {
    const def = fields[i]!;
    if (def.kind !== Kind.value || key === "session") throw new FreeholdError("invalid", `${key} cannot be a presence field`, "presence holds registers: s.string(), s.json(…) and so on; session is taken");
    return [key, def];
  }));
};

/** The root object of a document type. */
export const rootOf = (type: object): ObjectDef => {
  const root = typeof type === "object" && type !== null ? rootByType.get(type) : undefined;
  if (!root) throw new FreeholdError("invalid", "this is no document type", "make one with defineDoc(name, { version, shape })");
  return root;
};

/** What those who have such a document open say of themselves. */
export const presenceOfType = (type: object): PresenceDef => presenceByType.get(type) ?? new Map();
