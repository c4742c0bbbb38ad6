// Seeded randomness for tests: a failure prints its seed, and SEED=<n> runs that one again.

export interface Random {
  /** An integer in [0, n). */
  below(n: number): number;
  /** An integer in [from, to]. */
  between(from: number, to: number): number;
  pick<T>(list: readonly [T, ...T[]]): T;
}

/** xorshift32; good enough to choose what happens next. */
export const randomFrom = (seed: number): Random => {
  let x = (seed * 2654435761 + 1) >>> 0 || 1;
  const next = (): number => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return (x >>>= 0);
  };
  const below = (n: number): number => next() % n;
  return { below, between: (from, to) => from + below(to - from + 1), pick: (list) => list[below(list.length)] as (typeof list)[number] };
};

/** The seeds to run: SEED alone, or `count` fixed ones. */
export const seeds = (count: number): readonly number[] => {
  const given = process.env["SEED"];
  return given === undefined ? Array.from({ length: count }, (_, i) => i + 1) : [Number(given)];
};
