// One writer's journal of one document: segments `journal.<writer>.<n>`, appended to by nobody else.
//
// A segment is opened once, by the life that made it, and never again after it was closed. So a torn tail is never appended over,
// and whoever can open a segment exclusively knows that nothing will be added to it any more.

import type { SessionId } from "../protocol.ts";
import type { FileHandle, Files } from "./files.ts";
import { StoreError } from "./storeerror.ts";

const PREFIX = "journal.";
/** How many segment names in a row may be taken (by a probe of another tab) before opening fails. */
const TRIES = 8;

const segmentName = (writer: SessionId, n: number): string => `${PREFIX}${writer}.${n}`;

/** Writer and number of a segment's file name; null for other files. Session ids hold no dot. */
export const parseSegment = (name: string): { readonly writer: SessionId; readonly n: number } | null => {
  const [, writer, n] = /^journal\.([\w-]+)\.(\d+)$/.exec(name) ?? [];
  return writer === undefined || n === undefined ? null : { writer, n: Number(n) };
};

/** Segments in the order in which they were written, writer by writer. */
export const sortSegments = (names: readonly string[]): readonly string[] =>
  names
    .flatMap((name) => {
      const segment = parseSegment(name);
      return segment === null ? [] : [{ name, ...segment }];
    })
    .sort((a, b) => (a.writer < b.writer ? -1 : a.writer > b.writer ? 1 : a.n - b.n))
    .map((s) => s.name);

export class Journal {
  readonly #files: Files;
  readonly #dir: string;
  readonly #writer: SessionId;
  readonly #allow: () => Promise<void>;
  #handle: FileHandle | null = null;
  /** End of the last whole record. */
  #end = 0;
  #next = -1;
  #queue: Promise<unknown> = Promise.resolve();

  /** `allow` rejects where a segment must not begin. */
  constructor(files: Files, dir: string, writer: SessionId, allow: () => Promise<void>) {
    this.#files = files;
    this.#dir = dir;
    this.#writer = writer;
    this.#allow = allow;
  }

  /** Durable. After a failure the segment ends where it ended before, or is left behind for good. */
  append(frame: Uint8Array): Promise<void> {
    return this.#inTurn(async () => {
      const handle = (this.#handle ??= await this.#open());
      try {
        await handle.write(frame, this.#end);
        await handle.flush();
        this.#end += frame.length;
      } catch (e) {
        await this.#cutBack(handle);
        throw e;
      }
    });
  }

  /** The next append begins a new segment; the one before it can then be dropped as a whole. */
  rotate(): Promise<void> {
    return this.#inTurn(() => this.#closeSegment());
  }

  #inTurn<T>(run: () => Promise<T>): Promise<T> {
    const turn = this.#queue.then(run);
    this.#queue = turn.catch(() => undefined);
    return turn;
  }

  async #open(): Promise<FileHandle> {
    await this.#allow();
    if (this.#next < 0) {
      const taken = (await this.#files.list(this.#dir)).flatMap((name) => {
        const segment = parseSegment(name);
        return segment?.writer === this.#writer ? [segment.n] : [];
      });
      this.#next = Math.max(-1, ...taken) + 1;
    }
    for (let tries = 1; ; tries++) {
      try {
        const handle = await this.#files.open(this.#dir, segmentName(this.#writer, this.#next++));
        this.#end = 0;
        if ((await handle.size()) === 0) return handle;
        await handle.close();
      } catch (e) {
        // Another tab that looks for covered journals may have opened or removed the empty file in between.
        if (!(e instanceof StoreError) || e.code === "quota" || tries >= TRIES) throw e;
      }
    }
  }

  async #cutBack(handle: FileHandle): Promise<void> {
    try {
      await handle.truncate(this.#end);
      await handle.flush();
    } catch {
      await this.#closeSegment().catch(() => undefined);
    }
  }

  async #closeSegment(): Promise<void> {
    const handle = this.#handle;
    this.#handle = null;
    await handle?.close();
  }
}
