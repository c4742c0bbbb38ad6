// The field's own benchmark, B1 to B4 of github.com/dmonad/crdt-benchmarks, with its names, sizes (N = 6000), procedure and generator. Each benchmark
// draws its input from a generator of its own, so that one can be run alone.
import * as prng from "lib0/prng";
import { replay, same, sameEntries } from "./replay.mjs";

export const name = "field";
export const title = "B1 to B4 of crdt-benchmarks (N = 6000)";
export const note = `Names and procedure as there, CPU time instead of elapsed time: B1 edits one replica and gives each update to another; B2 edits two in one transaction each and exchanges; B3 gives the
updates of 1,540 clients to one; B4 is automerge-paper edit by edit, B4x100 that a hundred times (once in a run). Time includes comparing the contents. Update bytes are the
mean in B1 and B2, the sum in B3; those of \`freehold core\` include the 16 bytes that name the session, in each. \`freehold\` hands no updates over, so it is in B4 only.`;
export const columns = [
  { key: "cpu", label: "time, CPU ms", digits: 1, ratio: true },
  { key: "wall", label: "wall ms", digits: 1 },
  { key: "update", label: "update, bytes", ratio: true },
  { key: "document", label: "document, bytes", ratio: true },
  { key: "parse", label: "parse, CPU ms", digits: 1, ratio: true },
];

const N = 6000;
const CLIENTS = Math.floor(Math.sqrt(N)) * 20;

const transacted = (doc, f) => doc.transact(() => f(doc));
const drained = (doc) => {
  const updates = [];
  for (let u = doc.drain(); u !== null; u = doc.drain()) updates.push(u);
  return updates;
};
const bytesOf = (adapter, updates) => updates.reduce((sum, u) => sum + u.length + (adapter.carried ?? 0), 0);
/** Encodes one, loads it, and compares it with another. */
const parsed = async (adapter, context, doc, check) => {
  const bytes = doc.encode();
  const { cpu } = await context.measure(() => check(adapter.load(bytes)));
  return { document: bytes.length, parse: cpu };
};

/** `make(gen)` gives the steps and a check of the outcome. */
const b1 = (make) => async (adapter, context) => {
  const { steps, check } = make(prng.create(42));
  const writer = adapter.create({ updates: true }), reader = adapter.create();
  const updates = [];
  const { cpu, wall } = await context.measure(() => {
    for (const step of steps) {
      for (const f of [step].flat()) {
        transacted(writer, f);
        updates.push(...drained(writer));
      }
    }
    for (const u of updates) reader.apply(u, writer);
    check(writer);
    check(reader);
  });
  return { cpu, wall, update: Math.round(bytesOf(adapter, updates) / steps.length), ...await parsed(adapter, context, writer, check) };
};
const texts = (make) => b1((gen) => {
  const { input, end } = make(gen);
  const edit = ({ at, insert, remove }) => (doc) => {
    if (insert !== undefined) doc.insert(at, insert);
    else doc.remove(at, remove);
  };
  return { steps: input.map((e) => (Array.isArray(e) ? e.map(edit) : edit(e))), check: (doc) => same(doc.text(), end) };
});
const lists = (make) => b1((gen) => {
  const { input, end } = make(gen);
  return { steps: input.map(({ at, insert }) => (doc) => doc.insertItems(at, insert)), check: (doc) => same(doc.list(), end) };
});
/** Inserts of words of `from` to `to` letters at random, and when asked as many deletions. */
const scattered = (gen, start, { from, to, deletions, always }) => {
  let end = start;
  const input = [];
  const put = (at, insert) => {
    end = end.slice(0, at) + insert + end.slice(at);
    input.push({ at, insert });
  };
  for (let i = 0; i < N; i++) {
    const at = prng.uint32(gen, 0, end.length);
    if (always) put(at, prng.word(gen, 3, 9));
    if (!deletions || end.length === at || prng.bool(gen)) put(at, prng.word(gen, from, to));
    else {
      const remove = prng.uint32(gen, 1, Math.min(9, end.length - at));
      end = end.slice(0, at) + end.slice(at + remove);
      input.push({ at, remove });
    }
  }
  return { input, end };
};
const numbers = (gen) => Array.from({ length: N }, () => prng.uint32(gen, 0, 0x7fffffff));

const b2 = (make) => async (adapter, context) => {
  const gen = prng.create(42);
  const start = prng.word(gen, 100, 100);
  const { inputs, length } = make(gen, start);
  const docs = [adapter.create({ updates: true }), adapter.create({ updates: true })];
  transacted(docs[0], (doc) => doc.insert(0, start));
  for (const u of drained(docs[0])) docs[1].apply(u, docs[0]);
  const sent = [];
  const { cpu, wall } = await context.measure(() => {
    docs.forEach((doc, i) => {
      transacted(doc, () => {
        for (const { at, insert, remove } of inputs[i]) {
          if (insert !== undefined) doc.insert(at, insert);
          else doc.remove(at, remove);
        }
      });
      sent[i] = drained(doc);
    });
    docs.forEach((doc, i) => { for (const u of sent[1 - i]) doc.apply(u, docs[1 - i]); });
    same(docs[0].text(), docs[1].text());
  });
  const end = docs[1].text();
  if (length !== undefined) same(end.length, length);
  return { cpu, wall, update: Math.round(bytesOf(adapter, sent.flat()) / 2), ...await parsed(adapter, context, docs[0], (doc) => same(doc.text(), end)) };
};

const b3 = (edit, read, compare, right) => async (adapter, context) => {
  const docs = Array.from({ length: CLIENTS }, () => adapter.create({ updates: true }));
  const updates = [], senders = [];
  docs.forEach((doc, i) => {
    transacted(doc, (d) => edit(d, i));
    for (const u of drained(doc)) {
      updates.push(u);
      senders.push(doc);
    }
  });
  docs[0].applyAll(updates, senders);
  const { cpu, wall } = await context.measure(() => {
    docs[1].applyAll(updates, senders);
    compare(read(docs[1]), read(docs[0]));
  });
  if (!right(read(docs[0]))) throw new Error(`wrong result: ${JSON.stringify(read(docs[0])).slice(0, 200)}`);
  const expected = read(docs[1]);
  return { cpu, wall, update: bytesOf(adapter, updates), ...await parsed(adapter, context, docs[0], (doc) => compare(read(doc), expected)) };
};

const b4 = (times, sending) => async (adapter, context) => {
  const trace = await context.trace("automerge-paper");
  const edits = trace.txns.flatMap((t) => t.patches);
  const updates = sending && adapter.load !== undefined;
  const doc = await adapter.create({ updates });
  let update = 0;
  // The texts of a hundred rounds stand one in front of the other.
  const check = (d) => same(d.text(), trace.endContent.repeat(times));
  const { cpu, wall } = await context.measure(() => {
    for (let round = 0; round < times; round++) {
      for (const edit of edits) {
        doc.transact(() => replay(doc, edit));
        if (updates) for (let u = doc.drain(); u !== null; u = doc.drain()) update += u.length + (adapter.carried ?? 0);
      }
    }
    check(doc);
  });
  const figures = { cpu, wall };
  if (updates) figures.update = Math.round(update / edits.length);
  if (adapter.load !== undefined) Object.assign(figures, await parsed(adapter, context, doc, check));
  doc.close();
  return figures;
};

const textOf = (doc) => doc.text(), mapOf = (doc) => doc.map(), listOf = (doc) => doc.list();
const decimals = Array.from({ length: CLIENTS }, (_, i) => i.toString());
const benchmarks = {
  "B1.1 append N characters": ["text", texts((gen) => {
    const end = prng.word(gen, N, N);
    return { input: [...end].map((insert, at) => ({ at, insert })), end };
  })],
  "B1.2 insert string of length N": ["text", texts((gen) => {
    const end = prng.word(gen, N, N);
    return { input: [{ at: 0, insert: end }], end };
  })],
  "B1.3 prepend N characters": ["text", texts((gen) => {
    const end = prng.word(gen, N, N);
    return { input: [...end].reverse().map((insert) => ({ at: 0, insert })), end };
  })],
  "B1.4 insert N characters at random positions": ["text", texts((gen) => scattered(gen, "", { from: 1, to: 1 }))],
  "B1.5 insert N words at random positions": ["text", texts((gen) => scattered(gen, "", { from: 2, to: 10 }))],
  "B1.6 insert string, then delete it": ["text", texts((gen) => ({ input: [[{ at: 0, insert: prng.word(gen, N, N) }, { at: 0, remove: N }]], end: "" }))],
  "B1.7 insert/delete strings at random positions": ["text", texts((gen) => scattered(gen, "", { from: 2, to: 10, deletions: true }))],
  "B1.8 append N numbers": ["list", lists((gen) => {
    const end = numbers(gen);
    return { input: end.map((n, at) => ({ at, insert: [n] })), end };
  })],
  "B1.9 insert array of N numbers": ["list", lists((gen) => {
    const end = numbers(gen);
    return { input: [{ at: 0, insert: end }], end };
  })],
  "B1.10 prepend N numbers": ["list", lists((gen) => {
    const n = numbers(gen);
    return { input: n.map((n) => ({ at: 0, insert: [n] })), end: n.toReversed() };
  })],
  "B1.11 insert N numbers at random positions": ["list", lists((gen) => {
    const end = [];
    const input = numbers(gen).map((n) => {
      const at = prng.uint32(gen, 0, end.length);
      end.splice(at, 0, n);
      return { at, insert: [n] };
    });
    return { input, end };
  })],
  "B2.1 concurrently insert string of length N at index 0": ["text", b2((gen) => ({
    inputs: [0, 1].map(() => [{ at: 0, insert: prng.word(gen, N, N) }]), length: 2 * N + 100,
  }))],
  "B2.2 concurrently insert N characters at random positions": ["text", b2((gen, start) => ({
    inputs: [0, 1].map(() => scattered(gen, start, { from: 1, to: 1 }).input), length: 2 * N + 100,
  }))],
  "B2.3 concurrently insert N words at random positions": ["text", b2((gen, start) => ({
    inputs: [0, 1].map(() => scattered(gen, start, { from: 3, to: 9 }).input),
  }))],
  "B2.4 concurrently insert and delete": ["text", b2((gen, start) => ({
    inputs: [0, 1].map(() => scattered(gen, start, { from: 2, to: 10, deletions: true, always: true }).input),
  }))],
  "B3.1 20√N clients set number in map": ["map", b3((doc, i) => doc.set("v", i), mapOf, sameEntries, ({ v }) => v >= 0 && v < CLIENTS)],
  "B3.2 20√N clients set object in map": ["map", b3((doc, i) => doc.set("v", { name: i.toString(), address: "here" }), mapOf, sameEntries, ({ v }) => v.address === "here")],
  "B3.3 20√N clients set string in map": ["map", b3((doc, i) => doc.set("v", i.toString().repeat(CLIENTS)), mapOf, sameEntries, ({ v }) => v.length >= CLIENTS)],
  "B3.4 20√N clients insert text in array": ["list", b3((doc, i) => doc.insertItems(0, [i.toString()]), listOf, same, (list) => list.toSorted().join() === decimals.toSorted().join())],
  "B3.5 20√N clients insert text": ["text", b3((doc, i) => doc.insert(0, i.toString()), textOf, same, (text) => text.length === decimals.join("").length)],
  "B4 real-world editing trace": ["text", b4(1, true), "alone"],
  "B4x100 that a hundred times, nothing sent": ["text", b4(100, false), "alone"],
};
export const cases = Object.entries(benchmarks).map(([id, [type, , alone]]) => ({ id, needs: alone ? [type] : [type, "updates", "file"], once: id.startsWith("B4x") }));

export const stages = [{ name: "run", run: (adapter, c, context) => benchmarks[c.id][1](adapter, context) }];
