// The device copy under fire: a document whose content is which sequence numbers of which life are there.

import { openCopies } from "../../../src/store/copies.ts";
import { FileStore } from "../../../src/store/filestore.ts";
import { IdbStore } from "../../../src/store/idbstore.ts";
import { opfsFiles } from "../../../src/store/opfs.ts";
import type { Copies, DeviceStore, SessionHead, StoredDoc } from "../../../src/store/store.ts";
import { certOf, docId, envelope, secretOf, sessionId } from "../../harness/contract.ts";
import { earlyStore, forgetfulFiles } from "../../harness/leakystores.ts";
import { answer } from "./ops.ts";

const NAME = "kill";
const doc = docId(1);

export type Variant = "true" | "early" | "forgetful";
const storesOf: Readonly<Record<Variant, () => readonly DeviceStore[]>> = {
  true: () => [new FileStore(opfsFiles(NAME)), new IdbStore(NAME)],
  early: () => [earlyStore(new FileStore(opfsFiles(NAME))), earlyStore(new IdbStore(NAME))],
  forgetful: () => [new FileStore(forgetfulFiles(opfsFiles(NAME)))],
};

let copies: Copies | null = null;
let session = 0;
let seq = 0;

const opened = (): Copies => {
  if (copies === null) throw new Error("not open");
  return copies;
};

/** Per life, the last number up to which nothing is missing. */
const lastByLife = (found: StoredDoc | null, lives: number): readonly number[] =>
  Array.from({ length: lives }, (_, life) => {
    const has = new Set(found?.envelopes.filter((e) => e.session === sessionId(life)).map((e) => e.seq));
    let last = found?.snapshot?.covers.find((c) => c.session === sessionId(life))?.seq ?? -1;
    while (has.has(last + 1)) last++;
    return last;
  });

/** What the journals on disk still hold, counted without the store. */
const journalBytes = async (): Promise<number> => {
  const home = await (await (await navigator.storage.getDirectory()).getDirectoryHandle("freehold")).getDirectoryHandle(NAME);
  let bytes = 0;
  for await (const [name, handle] of (await home.getDirectoryHandle(doc)).entries()) {
    if (name.startsWith("journal.")) bytes += (await (handle as FileSystemFileHandle).getFile()).size;
  }
  return bytes;
};

answer({
  /** Begins a life; gives what is there of the lives before it. */
  open: async (variant: Variant, life: number) => {
    const problems: string[] = [];
    copies = await openCopies(NAME, { stores: storesOf[variant](), onProblem: (p) => problems.push(`${p.store} ${p.code}${p.recovered ? " recovered" : ""}`) });
    const found = await copies.load(doc);
    await copies.settled();
    session = life;
    seq = 0;
    if (found === null) await copies.putSecret(secretOf(1));
    return { found: lastByLife(found, life), problems, copies: copies.copies, fresh: copies.fresh };
  },
  /** Makes two checkpoints, so that the records before the first are dropped; gives the bytes that are left in journals. */
  checkpoint: async () => {
    for (let i = 0; i < 2; i++) {
      const found = await opened().load(doc);
      const covers: SessionHead[] = lastByLife(found, session + 1).flatMap((last, life) => (last < 0 ? [] : [{ ...certOf(life), seq: last, hash: new Uint8Array(32) }]));
      const generation = (found?.snapshot?.generation ?? 0) + 1;
      await opened().checkpoint(doc, sessionId(session), { generation, covers, claims: [], file: new Uint8Array(100_000).fill(generation) });
    }
    return journalBytes();
  },
  /** Appends up to the number `last`; the page hears of each number once it is durable. */
  write: async (last: number) => {
    while (seq <= last) {
      await opened().append(doc, sessionId(session), [envelope(session, seq, 300)], seq === 0 ? [certOf(session)] : []);
      globalThis.postMessage({ durable: seq++ });
    }
  },
});
