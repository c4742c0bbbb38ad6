// Rich texts and bytes over the real core: what a developer sees.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { StandardSchemaV1 } from "@standard-schema/spec";
import { defineDoc, s } from "../../src/page/schema.ts";
import type { Doc } from "../../src/types.ts";
import { code, seed, seeded } from "./page-fixture.ts";
import { settle, ToyVault, toyHome } from "./page-toyvault.ts";

interface Image { readonly src: string }
const image: StandardSchemaV1<unknown, Image> = {
  "~standard": {
    version: 1, vendor: "test",
    validate: (v) => (typeof (v as Partial<Image> | null)?.src === "string" ? { value: v as Image } : { issues: [{ message: "no image" }] }),
  },
};
const marks = {
  bold: s.mark(),
  link: s.mark({ grow: "none", value: s.string() }),
  tint: s.mark({ grow: "both", value: s.enum("red", "blue") }),
  line: s.mark({ block: true, value: s.enum("h1", "quote") }),
};
const Page = defineDoc("page", {
  version: 1,
  shape: { body: s.richText(marks, s.json(image)), notes: s.list(s.object({ text: s.richText({ bold: s.mark() }) })), hash: s.bytes(), maybe: s.bytes().optional() },
});
/** The same document in an app that knows less of it. */
const Older = defineDoc("page", { version: 1, shape: { body: s.richText({ bold: s.mark() }) } });
const short = (doc: Doc<typeof Page>): unknown[] => doc.value.body.spans().map((span) => [span.text, ...Object.entries(span.marks).flat(), ...("embed" in span ? [span.embed] : [])]);
const create = (text: string): Promise<Doc<typeof Page>> => toyHome(new ToyVault()).home.create(Page, { body: text });

test("marks are set, overlap, are taken off, and grow as declared", async () => {
  const doc = await create("The quick brown fox");
  doc.change((d) => {
    d.body.mark(4, 9, "bold", true);
    d.body.mark(6, 15, "link", "https://a.example");
  });
  assert.deepEqual(short(doc), [
    ["The "], ["qu", "bold", true], ["ick", "bold", true, "link", "https://a.example"], [" brown", "link", "https://a.example"], [" fox"],
  ]);
  doc.change((d) => d.body.mark(0, 7, "bold", null));
  assert.deepEqual(short(doc), [["The qu"], ["i", "link", "https://a.example"], ["ck", "bold", true, "link", "https://a.example"], [" brown", "link", "https://a.example"], [" fox"]]);
  doc.change((d) => d.body.insert(15, "!")); // behind a link, which does not grow
  doc.change((d) => d.body.insert(9, "est")); // inside it, at the end of the bold word, which does
  assert.deepEqual(short(doc).slice(2), [["ckest", "bold", true, "link", "https://a.example"], [" brown", "link", "https://a.example"], ["! fox"]]);
  const both = await create("abc");
  both.change((d) => { d.body.mark(1, 2, "tint", "red"); d.body.insert(1, "<"); d.body.insert(3, ">"); });
  assert.deepEqual(short(both), [["a"], ["<b>", "tint", "red"], ["c"]]);
});

test("embeds are one unit, lines have attributes", async () => {
  const doc = await create("Title\ntext");
  doc.change((d) => {
    d.body.mark(5, 6, "line", "h1");
    d.body.embed(8, { src: "a.png" });
    d.body.mark(7, 9, "bold", true);
    assert.equal(d.body.toString(), "Title\nte\ufffcxt");
    assert.equal(d.body.length, 11);
  });
  assert.deepEqual(short(doc), [["Title"], ["\n", "line", "h1"], ["t"], ["e", "bold", true], ["\ufffc", "bold", true, { src: "a.png" }], ["xt"]]);
  assert.throws(() => doc.change((d) => d.body.mark(0, 2, "line", "h1")), code("invalid"));
  // Marks and embeds take numbers as the core gives them: what comes after has the ids that were foretold.
  const [one, two] = doc.change((d) => {
    d.body.mark(0, 3, "bold", true);
    d.body.embed(0, { src: "b.png" });
    const one = d.notes.add({ text: "one" });
    d.notes.get(one)!.text.mark(0, 3, "bold", true);
    return [one, d.notes.add({}, { before: one })];
  });
  assert.deepEqual(doc.value.notes.map((note) => note.$id), [two, one]);
  assert.deepEqual(doc.value.notes[1]!.text.spans(), [{ text: "one", marks: { bold: true } }]);
  doc.change((d) => { d.body.delete(9, 1); d.body.delete(0, 1); });
  assert.equal(doc.value.body.toString(), "Title\ntext");
});

test("what is refused, with its code, before anything happened", async () => {
  const doc = await create("abc");
  const before = doc.value;
  const refused = (f: (d: any) => void): void => assert.throws(() => doc.change((d) => f(d)), code("invalid"));
  refused((d) => d.body.mark(0, 4, "bold", true));
  refused((d) => d.body.mark(2, 1, "bold", true));
  refused((d) => d.body.mark(0, 1, "colour", true));
  refused((d) => d.body.mark(0, 1, "bold", false));
  refused((d) => d.body.mark(0, 1, "tint", "green"));
  refused((d) => d.body.embed(0, { href: "" }));
  refused((d) => d.body.embed(4, { src: "" }));
  refused((d) => d.notes.get(d.notes.add({}))!.text.embed(0, 1));
  refused((d) => { d.hash = [1, 2]; });
  assert.equal(doc.value, before);
  doc.change((d) => d.body.mark(1, 1, "bold", true)); // nothing
  assert.equal(doc.value, before);
  for (const declare of [() => s.richText({ bold: s.string() as never }), () => s.richText({}, s.text() as never), () => s.mark({ value: s.text() as never })]) assert.throws(declare, code("invalid"));
});

test("an old value shows its own marks, what did not change keeps its identity, all is frozen", async () => {
  const doc = await create("one two three");
  doc.change((d) => d.body.mark(4, 7, "bold", true));
  const first = doc.value.body;
  doc.change((d) => d.body.mark(8, 13, "tint", "red")); // the first is read after this
  const second = doc.value.body;
  doc.change((d) => { d.body.delete(4, 4); d.body.mark(0, 3, "bold", true); });
  assert.deepEqual(first.spans(), [{ text: "one ", marks: {} }, { text: "two", marks: { bold: true } }, { text: " three", marks: {} }]);
  assert.deepEqual(second.spans().map((x) => x.text), ["one ", "two", " ", "three"]);
  assert.deepEqual(doc.value.body.spans(), [{ text: "one", marks: { bold: true } }, { text: " ", marks: {} }, { text: "three", marks: { tint: "red" } }]);
  assert.equal(doc.value.body.spans()[2], second.spans()[3]);
  const { body } = doc.value;
  doc.change((d) => { d.hash = Uint8Array.of(1); });
  assert.equal(doc.value.body, body);
  for (const v of [body, body.spans(), body.spans()[0], body.spans()[0]!.marks]) assert.ok(Object.isFrozen(v));
});

test("a reference tells splices, and marks without any", async () => {
  const doc = await create("abc");
  const told: unknown[] = [];
  doc.at.body.observe((splices, local) => told.push([...splices, local]));
  doc.change((d) => d.body.insert(3, "d"));
  doc.change((d) => d.body.mark(0, 2, "bold", true));
  assert.deepEqual(told, [[{ at: 3, delete: 0, insert: "d" }, true], [true]]);
  assert.deepEqual(doc.at.body.value.spans().map((x) => x.text), ["ab", "cd"]);
});

test("two pages converge; a fresh view, and every value ever given, show the same as the mirror", async () => {
  const vault = new ToyVault();
  const a = await toyHome(vault).home.create(Page, { body: "The quick brown fox\njumps\n" });
  await settle();
  const b = await toyHome(vault).home.open(Page, a.id);
  const docs = [a, b];
  const random = seeded(seed("rich"));
  const kept: { view: { spans(): unknown }; json: string }[] = [];
  for (let i = 0; i < 300; i++) {
    const doc = docs[random(2)]!;
    const fails = random(9) === 0;
    try {
      doc.change((d) => {
        for (let n = random(3); n >= 0; n--) {
          const { length } = d.body;
          const text = d.body.toString();
          const whole = (at: number): number => (/[\udc00-\udfff]/.test(text.charAt(at)) ? at + 1 : at); // not inside a pair
          const from = whole(random(length + 1));
          const to = whole(from + random(Math.min(8, length - from + 1)));
          switch (random(7)) {
            case 0: case 1: d.body.insert(from, "xyz😀".slice(0, [1, 2, 3, 5][random(4)])); break;
            case 2: d.body.delete(from, to - from); break;
            case 3: d.body.embed(from, { src: `${i}` }); break;
            case 4: d.body.mark(from, to, "link", `l${i}`); break;
            case 5: d.body.mark(0, length, "bold", random(2) === 0 ? true : null); break;
            case 6: {
              const at = text.indexOf("\n", random(20));
              if (at >= 0) d.body.mark(at, at + 1, "line", random(3) === 0 ? null : "h1");
            }
          }
        }
        if (fails) throw new Error("rolled back on purpose");
      });
    } catch (e) {
      if ((e as Error).message !== "rolled back on purpose") throw e;
    }
    if (random(2) === 0) kept.push({ view: doc.value.body, json: JSON.stringify(doc.value.body.spans()) });
    else if (random(2) === 0) kept.push({ view: doc.value.body, json: "" }); // read much later
    if (random(4) === 0) await settle();
    assert.equal(doc.value.body.spans().map((x) => x.text).join(""), doc.value.body.toString());
  }
  await settle();
  assert.deepEqual(a.value.body.spans(), b.value.body.spans());
  const fresh = await toyHome(vault).home.open(Page, a.id);
  assert.deepEqual(fresh.value.body.spans(), a.value.body.spans());
  for (const { view, json } of kept) if (json !== "") assert.equal(JSON.stringify(view.spans()), json);
  const text = kept.map(({ view }) => view.toString());
  assert.deepEqual(kept.map(({ view }) => (view.spans() as { text: string }[]).map((x) => x.text).join("")), text);
  const older = await toyHome(vault).home.open(Older, a.id);
  assert.equal(older.value.body.toString(), a.value.body.toString());
  for (const [i, span] of older.value.body.spans().entries()) {
    assert.deepEqual(Object.keys(span.marks).filter((k) => k !== "bold"), []);
    assert.ok(!("embed" in span));
    const before = older.value.body.spans()[i - 1];
    if (before !== undefined && span.text !== "\ufffc" && before.text !== "\ufffc") assert.notDeepEqual(before.marks, span.marks);
  }
});

test("bytes: stored, shown, exported; and so are rich texts, and heads show them", async () => {
  const vault = new ToyVault();
  const { home } = toyHome(vault);
  const doc = await home.create(Page, { body: "ab", hash: Uint8Array.of(0, 255, 7) });
  doc.change((d) => {
    d.body.mark(1, 2, "bold", true);
    assert.deepEqual(d.hash, Uint8Array.of(0, 255, 7));
    assert.equal(d.maybe, undefined);
  });
  const given = new Uint8Array(300).fill(3);
  doc.change((d) => { d.maybe = given; });
  given.fill(4); // ours by now
  assert.deepEqual(doc.value.maybe, new Uint8Array(300).fill(3));
  const json = JSON.parse(await (await doc.export("json")).text()) as Record<string, unknown>;
  assert.equal(json["hash"], "AP8H");
  assert.deepEqual(json["body"], [{ text: "a", marks: {} }, { text: "b", marks: { bold: true } }]);
  await doc.saved();
  await settle();
  doc.close();
  await settle();
  const later = toyHome(vault).home;
  const list = later.list(Page);
  await later.ready;
  await settle();
  const [row] = list.value!;
  assert.deepEqual(row!.head.hash, Uint8Array.of(0, 255, 7));
  assert.deepEqual(row!.head.body.spans(), [{ text: "a", marks: {} }, { text: "b", marks: { bold: true } }]);
  const { hash } = (await later.open(Page, doc.id)).value;
  assert.deepEqual(hash, Uint8Array.of(0, 255, 7));
  assert.throws(() => doc.change(() => {}), code("closed"));
});
