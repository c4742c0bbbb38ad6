// What an operator may set in numbers (wrangler.jsonc). A Worker with a number that is none does not start.

export interface Numbers {
  /** How many sockets one document holds, and how many reads that wait for news. */
  readonly SOCKETS?: string;
  /** How many seconds a socket may be silent. */
  readonly IDLE?: string;
  /** How many seconds a device may hold a large message while others wait for the memory. */
  readonly PATIENCE?: string;
  /** How many bytes a document may keep; none: the relay's usual limit. */
  readonly DOCUMENT_SIZE?: string;
  /** How many appends a second a socket has, and a document ten times; 0: any number. */
  readonly APPEND_RATE?: string;
}

export interface Settings {
  readonly sockets: number;
  readonly idle: number;
  readonly patience: number;
  readonly documentSize: number | null;
  readonly appendRate: number;
}

/** More than may listen to a document, so that those who did not say hello yet keep nobody out. */
const SOCKETS = 250;

/** Devices say something every 25 seconds. */
const IDLE = 60;

/** 16 MiB at half a megabit a second. */
const PATIENCE = 5 * 60;

const APPEND_RATE = 30;

/** Errors: RangeError, which says what is allowed. */
export const settings = (env: Numbers): Settings => {
  const read = <T>(name: keyof Numbers, otherwise: T, allowed: string, isAllowed: (n: number) => boolean): number | T => {
    const text = String(env[name] ?? "").trim();
    if (text === "") return otherwise;
    const n = Number(text);
    if (!Number.isFinite(n) || !isAllowed(n)) throw new RangeError(`${name} is "${text}". Allowed: ${allowed}.`);
    return n;
  };
  const isCount = (n: number): boolean => Number.isSafeInteger(n) && n > 0;
  return {
    sockets: read("SOCKETS", SOCKETS, "a whole number above 0", isCount),
    idle: read("IDLE", IDLE, "seconds, above 0", (n) => n > 0),
    patience: read("PATIENCE", PATIENCE, "seconds, above 0", (n) => n > 0),
    documentSize: read("DOCUMENT_SIZE", null, "bytes, a whole number above 0", isCount),
    appendRate: read("APPEND_RATE", APPEND_RATE, "appends a second, such as 30 or 0.5, or 0 for any number", (n) => n >= 0),
  };
};
