// Sums of a set of documents, in parts, by which a device and a relay find what one of them does not know (docs/PROTOCOL.md §2, Check). Twin of
// server/wire/sums.go; both read the vectors in testdata/wire.

import type { DocId } from "../protocol.ts";
import { sha256 } from "../seal/hkdf.ts";
import { docToBytes, type Changed } from "./wire.ts";

/** Number of parts. */
const PARTS = 16;
/** The most documents in a part. */
const PART_DOCS = 512;
const SUM = 8;

/** The part that a document is in: the first four bits of its id. */
export const partOf = (doc: DocId): number => docToBytes(doc)[0]! >> 4;

/** Whether a relay that keeps the protocol can have said so: members of the parts that it names, each once, and no more than a part has. */
export const isAnswer = ({ parts, heads }: Changed): boolean => {
  const count = new Array<number>(PARTS).fill(0);
  return new Set(heads.map((h) => h.doc)).size === heads.length && heads.every(({ doc }) => ((parts >> partOf(doc)) & 1) === 1 && ++count[partOf(doc)]! <= PART_DOCS);
};

/** 128 bytes: of each part the first 8 of the SHA-256 of its documents in the order of their ids, each as id and 8 bytes of cursor. */
export const sumsOf = async (heads: Iterable<readonly [DocId, number]>): Promise<Uint8Array> => {
  const parts = Array.from({ length: PARTS }, (): string[] => []);
  for (const [doc, cursor] of heads) {
    const record = new Uint8Array(28);
    record.set(docToBytes(doc));
    new DataView(record.buffer).setBigUint64(20, BigInt(cursor));
    parts[record[0]! >> 4]!.push(String.fromCharCode(...record)); // a character for each byte, whose order is theirs
  }
  const sums = new Uint8Array(PARTS * SUM);
  await Promise.all(parts.map(async (records, i) => {
    const bytes = Uint8Array.from(records.sort().join(""), (c) => c.charCodeAt(0));
    sums.set((await sha256(bytes)).subarray(0, SUM), i * SUM);
  }));
  return sums;
};
