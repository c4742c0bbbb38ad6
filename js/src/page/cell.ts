// Stores: something with a value that tells when it changed (the Svelte contract).

import { FreeholdError } from "../errors.ts";
import type { Store } from "../types.ts";

/** For callers that no type checker stopped. */
export const checkFunction = (f: unknown, method: string, example: string): void => {
  if (typeof f !== "function") throw new FreeholdError("invalid", `${method} was given ${f === null ? "null" : `a value of type ${typeof f}`}, not a function`, example);
};

/** Where errors of subscribers go: they are the app's, so its global handler hears of them. */
export const report = (e: unknown): void => {
  if (typeof reportError === "function") reportError(e);
  else console.error(e);
};

interface Subscriber<V> {
  readonly f: (v: V) => void;
  seen: V | typeof NOTHING;
  live: boolean;
}
const NOTHING: unique symbol = Symbol("not called yet");

/**
 * A store over a function that gives the current value.
 *
 * Must: each subscriber is called at once, then once per different value, in the turn of `notify`.
 * Must: one that throws does not keep others from being called; one that edits makes the newer value arrive, never an older one after it.
 */
export class Source<V> implements Store<V> {
  readonly #read: () => V;
  #subscribers: readonly Subscriber<V>[] = [];

  constructor(read: () => V) {
    this.#read = read;
  }
  get value(): V {
    return this.#read();
  }
  get watched(): boolean {
    return this.#subscribers.length > 0;
  }
  subscribe(f: (v: V) => void): () => void {
    checkFunction(f, "subscribe", "subscribe((value) => …)");
    const s: Subscriber<V> = { f, seen: NOTHING, live: true };
    this.#subscribers = [...this.#subscribers, s];
    this.#tell(s);
    return () => {
      s.live = false;
      this.#subscribers = this.#subscribers.filter((other) => other !== s);
    };
  }
  /** The value may have changed. */
  notify(): void {
    const subscribers = this.#subscribers;
    for (let i = 0; i < subscribers.length; i++) this.#tell(subscribers[i]!);
  }
  #tell(s: Subscriber<V>): void {
    if (!s.live) return;
    try {
      const v = this.#read();
      if (Object.is(s.seen, v)) return;
      s.seen = v;
      s.f(v);
    } catch (e) {
      report(e);
    }
  }
}

/** A store that somebody sets. */
export class Cell<V> extends Source<V> {
  readonly #cell: { v: V };
  constructor(v: V) {
    const cell = { v };
    super(() => cell.v);
    this.#cell = cell;
  }
  set(v: V): void {
    this.#cell.v = v;
    this.notify();
  }
}

/** A part of another store. It listens to the whole only while somebody listens to it. */
export const selection = <V, R>(whole: Store<V>, pick: (v: V) => R, same: (a: R, b: R) => boolean = Object.is): Store<R> => {
  checkFunction(pick, "select", "select((value) => value.title)");
  let from: V | typeof NOTHING = NOTHING;
  let picked: R;
  const part = new Source<R>(() => {
    const v = whole.value;
    if (!Object.is(v, from)) {
      const next = pick(v);
      if (from === NOTHING || !same(picked, next)) picked = next;
      from = v;
    }
    return picked;
  });
  let stop: (() => void) | null = null;
  return {
    get value() {
      return part.value;
    },
    subscribe(f) {
      const unsubscribe = part.subscribe(f);
      stop ??= whole.subscribe(() => part.notify());
      return () => {
        unsubscribe();
        if (part.watched || stop === null) return;
        stop();
        stop = null;
      };
    },
  };
};
