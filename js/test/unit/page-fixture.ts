// Helpers of the page's unit tests.

/** xorshift32: the same numbers for the same seed. */
export const seeded = (seed: number): ((below: number) => number) => {
  let x = seed | 0 || 1;
  return (below) => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return (x >>> 0) % below;
  };
};

/** `SEED=…` repeats a run; the seed is printed with each. */
export const seed = (name: string): number => {
  const chosen = Number(process.env["SEED"] ?? 20261122);
  console.log(`${name}: SEED=${chosen}`);
  return chosen;
};

export const code = (wanted: string) => (e: unknown): boolean => (e as { code?: string }).code === wanted;
