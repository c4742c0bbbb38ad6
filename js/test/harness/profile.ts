// The folder of a browser's profile: the caller's, or a temporary one that goes with the browser.

import { mkdtemp, mkdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Profile {
  readonly dir: string;
  /** Removes a temporary one. */
  end(): Promise<void>;
}

export const profile = async (dir?: string): Promise<Profile> => {
  if (dir !== undefined) {
    await mkdir(dir, { recursive: true });
    return { dir, end: async () => undefined };
  }
  const temporary = await mkdtemp(join(tmpdir(), "freehold-profile-"));
  return { dir: temporary, end: () => rm(temporary, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 }) };
};
