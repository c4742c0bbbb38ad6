// Drafts of objects: one accessor per field on a prototype made once per shape. No Proxy: reading and assigning cost what properties cost.

import { encodeValue } from "../../core/value.ts";
import { Kind } from "../../core/commands.ts";
import { FreeholdError, kindOf } from "../../errors.ts";
import { freezeDeep, type RegisterDef, type ShapeDef } from "../fields.ts";
import type { ObjectNode } from "../nodes.ts";
import { Editor } from "./editor.ts";
import { editorOf } from "./editors.ts";
import { Strict } from "./strict.ts";

export class ObjectEditor extends Editor<ObjectNode> {
  readonly #face: object = faceOf(this);
  /** Registers assigned by this transaction, by field. */
  #assigned: Map<number, unknown> | null = null;
  readonly #children: (Editor | undefined)[] = [];
  /** Only for items that this transaction made; others know their id. */
  $id: string | undefined;

  face(): object {
    return this.#face;
  }
  get shape(): ShapeDef {
    return this.node.shape;
  }
  /** The stable id, for an item of a list. */
  id(): string | undefined {
    return this.$id ?? (this.node.view() as { $id?: string }).$id;
  }

  read(field: number): unknown {
    this.check();
    if (this.#assigned?.has(field)) {
      const value = this.#assigned.get(field);
      return value === undefined ? (this.shape.fields[field] as RegisterDef).fallback : value;
    }
    return this.node.shown(field);
  }
  assign(field: number, value: unknown): void {
    this.check();
    const key = this.shape.keys[field]!;
    const def = this.shape.fields[field] as RegisterDef;
    const checked = named(key, () => def.check(value));
    const stored = this.#assigned?.has(field) ? this.#assigned.get(field) : this.node.stored(field);
    // Writing what is there would be an edit that nobody made, and could win against one that somebody did.
    if (stored === checked && typeof checked !== "object") return;
    const { commands } = this.txn;
    if (checked === undefined) commands.mapDelete(this.container(), key);
    else {
      const bytes = named(key, () => encodeValue(checked));
      commands.mapSet(this.container(), key, bytes);
    }
    this.remember();
    (this.#assigned ??= new Map()).set(field, typeof checked === "object" ? freezeDeep(structuredClone(checked)) : checked);
  }
  child(field: number): Editor {
    return (this.#children[field] ??= editorOf(this.txn, this.node.child(field), this, this.shape.keys[field]!));
  }

  fill(input: unknown): void {
    this.fillSome(input);
    const { keys, fields } = this.shape;
    for (let i = 0; i < keys.length; i++) {
      const field = fields[i]!;
      const required = field.kind === Kind.value ? !field.omittable : field.kind === Kind.map;
      if (required && (input as Record<string, unknown>)[keys[i]!] === undefined) {
        throw new FreeholdError("invalid", `${keys[i]} is missing`, "give it, or declare it .optional() or .default(…)");
      }
    }
  }
  /** As `fill`, with anything left out. */
  fillSome(input: unknown): void {
    if (typeof input !== "object" || input === null || Array.isArray(input)) throw new FreeholdError("invalid", `an object was expected, not ${kindOf(input)}`, "give an object with the declared fields");
    for (const key of Object.keys(input)) {
      if (!this.shape.indexByKey.has(key)) throw new FreeholdError("invalid", `the schema has no field ${key}`, `its fields are ${this.shape.keys.join(", ")}`);
    }
    const { keys, fields } = this.shape;
    for (let i = 0; i < keys.length; i++) {
      const value = (input as Record<string, unknown>)[keys[i]!];
      if (value === undefined) continue;
      if (fields[i]!.kind === Kind.value) this.assign(i, value);
      else named(keys[i]!, () => this.child(i).fill(value));
    }
  }
  clear(): void {
    const { fields, keys } = this.shape;
    for (let i = 0; i < fields.length; i++) {
      if (fields[i]!.kind !== Kind.value) this.child(i).clear();
      else if (this.node.stored(i) !== undefined) {
        this.txn.commands.mapDelete(this.container(), keys[i]!);
        this.remember();
        (this.#assigned ??= new Map()).set(i, undefined);
      }
    }
  }
  protected forget(): void {
    this.#assigned = null;
  }
}

/** Says in which field it was; errors of the package stay what they are otherwise. */
const named = <R>(key: string, f: () => R): R => {
  try {
    return f();
  } catch (e) {
    if (e instanceof FreeholdError) throw new FreeholdError(e.code, `${key}: ${e.message}`, e.hint, { cause: e.cause });
    throw e;
  }
};

/** What a callback sees of an object. Field names are the developer's, so nothing else may have a name here. */
class Face extends Strict {
  readonly #editor: ObjectEditor;
  constructor(editor: ObjectEditor) {
    super();
    this.#editor = editor;
  }
  static editor(face: Face): ObjectEditor {
    return face.#editor;
  }
}

const faceByShape = new WeakMap<ShapeDef, typeof Face>();

const faceOf = (editor: ObjectEditor): object => {
  let Shaped = faceByShape.get(editor.shape);
  if (Shaped === undefined) {
    Shaped = class extends Face {};
    define(Shaped.prototype, editor.shape);
    faceByShape.set(editor.shape, Shaped);
  }
  return new Shaped(editor);
};

const define = (prototype: object, shape: ShapeDef): void => {
  Object.defineProperty(prototype, "$id", { get(this: Face) { return Face.editor(this).id(); } });
  shape.keys.forEach((key, field) => {
    const isRegister = shape.fields[field]!.kind === Kind.value;
    Object.defineProperty(prototype, key, {
      enumerable: true,
      get: isRegister
        ? function (this: Face): unknown { return Face.editor(this).read(field); }
        : function (this: Face): unknown { return Face.editor(this).child(field).face(); },
      set: isRegister
        ? function (this: Face, value: unknown): void { Face.editor(this).assign(field, value); }
        : function (): void { throw new FreeholdError("invalid", `${key} is never replaced`, "edit it in place: concurrent edits of it are merged"); },
    });
  });
};
