/** What can go wrong, as codes that are stable across releases. */
export type Code =
  | "not-found" | "bad-link" | "wrong-key" | "newer-format" | "invalid" | "too-large" | "quota" | "storage-lost" | "evicted"
  | "relay-refused" | "core-restarted" | "not-ready" | "read-only" | "blocked" | "relay-invalid" | "aborted" | "closed" | "deleted" | "moved";

/** A value by its kind, for messages. */
export const kindOf = (v: unknown): string =>
  v === undefined || v === null ? String(v) : Array.isArray(v) ? "an array" : typeof v === "object" ? "an object" : `a ${typeof v}`;

/** Every failure of this package. `message` says what happened, `hint` what to do about it. */
export class FreeholdError extends Error {
  static {
    Object.defineProperty(this, "name", { value: "FreeholdError" }); // bundles shorten class names, and traces print them
  }
  override readonly name: string = "FreeholdError";
  readonly code: Code;
  readonly hint: string;
  readonly doc?: string;
  constructor(code: Code, message: string, hint: string, o: { doc?: string; cause?: unknown } = {}) {
    super(message, o.cause === undefined ? undefined : { cause: o.cause });
    this.code = code;
    this.hint = hint;
    if (o.doc !== undefined) this.doc = o.doc;
  }
}
