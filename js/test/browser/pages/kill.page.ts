// A very small app on the package's public name: documents of numbered marks, one after the other, each reported once it is on the device.

import { defineDoc, freehold, s, type Doc, type Home } from "freehold";

/** Put here by the test's process, which hears each mark at once and kills everything at one of them. */
declare const ack: (mark: string) => void;

const Log = defineDoc("kill-log", { version: 1, shape: { marks: s.text(), weight: s.text() } });
const NAME = "kill";

let home: Home;
let doc: Doc<typeof Log>;
const problems: string[] = [];

/** What lies in the private file system of a document, read without the package. */
const files = async (id: string): Promise<{ generation: number; segments: readonly number[] }> => {
  const all = await (await navigator.storage.getDirectory()).getDirectoryHandle("freehold");
  let generation = 0;
  const segments: number[] = [];
  for await (const name of (await (await all.getDirectoryHandle(NAME)).getDirectoryHandle(id)).keys()) {
    if (name.startsWith("snap.")) generation = Math.max(generation, Number(name.slice(5)));
    if (name.startsWith("journal.")) segments.push(Number(name.split(".")[2]));
  }
  return { generation, segments };
};

const noise = (): string => Array.from(crypto.getRandomValues(new Uint16Array(30_000)), (n) => String.fromCharCode(0x4e00 + (n % 20_000))).join("");

const app = {
  /** Which stores are there before the package looks. */
  async stores(): Promise<{ files: boolean; indexedDB: boolean }> {
    const root = await navigator.storage.getDirectory();
    const found = await root.getDirectoryHandle("freehold").then(() => true, () => false);
    // A database that Chromium finds broken is not listed, or the list itself fails once.
    const databases = await indexedDB.databases().catch(() => []);
    return { files: found, indexedDB: databases.some((d) => d.name === `freehold/${NAME}`) };
  },
  /** Starts the package and gives the marks of every document on this device. */
  async start(workerUrl: string | null): Promise<Record<string, string>> {
    home = freehold({ name: NAME, onProblem: (e) => problems.push(e.code), ...(workerUrl === null ? {} : { workerUrl }) });
    await home.ready;
    const marksById: Record<string, string> = {};
    const list = home.list(Log);
    for (const { id } of list.value ?? []) {
      doc = await home.open(Log, id);
      marksById[id] = doc.value.marks.toString();
      doc.close();
    }
    return marksById;
  },
  /** Goes on with a document, or begins one. */
  async begin(id: string | null): Promise<string> {
    doc = id === null ? await home.create(Log) : await home.open(Log, id);
    await doc.saved("device");
    return doc.id;
  },
  /** Writes until the vault has made a second checkpoint and dropped the journal from before the first. */
  async cut(): Promise<{ characters: number; generation: number }> {
    for (let characters = 0; ; ) {
      const { generation, segments } = await files(doc.id);
      if (generation >= 2 && !segments.includes(0)) return { characters, generation };
      const text = noise();
      doc.change((d) => d.weight.insert(0, text));
      await doc.saved("device");
      characters += text.length;
    }
  },
  /** Both copies are whole. */
  copies: (): number => doc.status.value.copies,
  problems: (): string[] => problems,
  /** Writes the marks `<life>.0` to `<life>.<last>`, each after the one before it is on the device. */
  async write(life: number, last: number): Promise<void> {
    for (let n = 0; n <= last; n++) {
      doc.change((d) => d.marks.insert(d.marks.length, `${life}.${n} `));
      await doc.saved("device");
      ack(String(n));
    }
  },
};

export type KillApp = typeof app;
Object.assign(globalThis, { app });
