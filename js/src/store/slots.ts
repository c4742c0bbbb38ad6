// A small value that is replaced often: written beside the old one, never over it. Two files, `<base>.0` and `<base>.1`; the higher turn wins.

import { frameAt, type Frame } from "../../../idb/frame.ts";
import type { Files } from "./files.ts";

export interface Slotted<T> {
  readonly turn: number;
  readonly value: T;
}

const slot = (base: string, i: 0 | 1): string => `${base}.${i}`;

const readBoth = async <T>(files: Files, dir: string, base: string, decode: (f: Frame | null) => Slotted<T> | null): Promise<ReadonlyArray<Slotted<T> | null>> =>
  Promise.all(([0, 1] as const).map(async (i) => decode(frameAt((await files.read(dir, slot(base, i))) ?? new Uint8Array(0), 0))));

/** The newer of the two that are whole, or null. */
export const readSlots = async <T>(files: Files, dir: string, base: string, decode: (f: Frame | null) => Slotted<T> | null): Promise<T | null> => {
  const [a, b] = await readBoth(files, dir, base, decode);
  const newer = (a?.turn ?? -1) >= (b?.turn ?? -1) ? a : b;
  return newer?.value ?? null;
};

/** Replaces the older of the two by what `next` makes of the newer. Flushed, so that the turn after this one may overwrite the other. */
export const writeSlots = async <T>(
  files: Files, dir: string, base: string, decode: (f: Frame | null) => Slotted<T> | null, next: (old: T | null, turn: number) => Uint8Array,
): Promise<void> => {
  const [a, b] = await readBoth(files, dir, base, decode);
  const aIsNewer = (a?.turn ?? -1) >= (b?.turn ?? -1);
  const newer = aIsNewer ? a : b;
  const bytes = next(newer?.value ?? null, (newer?.turn ?? 0) + 1);
  const handle = await files.open(dir, slot(base, newer && aIsNewer ? 1 : 0));
  try {
    await handle.write(bytes, 0);
    await handle.truncate(bytes.length);
    await handle.flush();
  } finally {
    await handle.close();
  }
};
