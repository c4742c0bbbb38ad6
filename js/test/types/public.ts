// The public types: what must compile and what must not. `tsc --noEmit -p js/test/types` is the test.

import { defineDoc, freehold, FreeholdError, s, type Doc, type DocType, type Infer, type Input } from "../../src/index.ts";
import type { StandardSchemaV1 } from "@standard-schema/spec";

declare const point: StandardSchemaV1<unknown, { readonly x: number }>;

export const Note = defineDoc("note", {
  version: 2,
  shape: {
    title: s.string().default("Untitled"),
    body: s.text(),
    todos: s.list(s.object({ text: s.text(), done: s.boolean().default(false), prio: s.enum("lo", "hi").optional() })),
    tags: s.list(s.string()),
    due: s.instant().optional(),
    where: s.json(point),
    votes: s.counter(),
    people: s.record(s.object({ name: s.string() })),
    seen: s.record(s.boolean()),
    place: s.object({ street: s.string(), notes: s.text() }),
    essay: s.richText({ bold: s.mark(), link: s.mark({ grow: "none", value: s.string() }), head: s.mark({ block: true, value: s.enum("h1", "h2") }) }, s.json(point)),
    plain: s.richText({ bold: s.mark() }),
    outline: s.tree(s.object({ title: s.string(), body: s.text() })),
    words: s.tree(s.string()),
    hash: s.bytes().optional(),
  },
  presence: { name: s.string(), colour: s.string().default("grey"), caret: s.json(point).optional() },
});
export type NoteView = Infer<typeof Note>;

export const home = freehold({ name: "notes", relay: "https://relay.example", onProblem: (e) => console.warn(e.code, e.hint) });
export const list = home.list(Note, { where: (n) => n.title !== "", by: (n) => n.title, limit: 3 });

/** Two types are one. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const same = <_ extends true>(): void => {};

export async function good(hash: string, stop: AbortSignal): Promise<URL> {
  await home.ready;
  const last = list.value?.[0]?.id;
  // @ts-expect-error a row of a closed document has no status
  console.log(list.value?.[0]?.status.unsent);
  using note = hash ? await home.join(Note, hash) : last ? await home.open(Note, last) : await home.create(Note, { title: "Tunnel" });
  if (note.status.value.content === "waiting") throw new FreeholdError("not-ready", "", "");
  const id: string = note.change((d) => d.todos.add({ text: "tickets" }));
  const n: number = note.change(() => 3);
  note.change((d) => {
    d.todos.get(id)!.done = true;
    d.todos.move(id, { at: n });
    d.todos.move(id, { before: id });
    d.todos.get(id)!.text.insert(0, "x");
    d.body.insert(0, "Where did my playlist go?");
    d.body.delete(d.body.length - 1, 1);
    d.title = d.title.toUpperCase();
    d.due = undefined;
    d.votes.add(1);
    d.people.set("a", { name: "Ann" }).name = "Anna";
    d.seen.set("a", true);
    d.place.street = "Elm";
    d.essay.insert(0, "x");
    d.essay.mark(0, 1, "bold", true);
    d.essay.mark(0, 1, "link", "https://a.example");
    d.essay.mark(0, 1, "head", null);
    d.essay.embed(0, { x: 1 });
    const top: string = d.outline.add({ title: "a", children: [{ title: "b", body: "text", children: [] }] });
    d.outline.move(d.outline.add({ title: "c" }, { parent: top, at: 0 }), { after: top });
    d.outline.get(top)!.body.insert(0, d.outline.get(top)!.$id + d.outline.parent(top) + d.outline.children()[0]);
    d.words.add({ value: "w", children: [{ value: "v" }] });
    d.words.get(top)?.trim();
    d.hash = new Uint8Array(3);
    d.tags.add("t", { after: d.tags.idAt(0)! });
    for (const todo of d.todos) todo.prio = todo.prio === "lo" ? "hi" : "lo";
  });
  const open = note.select((v) => v.todos.filter((t) => !t.done).length);
  open.subscribe((count) => count.toFixed());
  note.at.body.observe((splices, local) => splices.map((x) => x.at + x.delete + x.insert.length + Number(local)));
  note.at.place.notes.value.toString();
  note.at.todos.item(id).text.path.trim();
  note.at.essay.value.spans()[0]?.marks.link?.trim();
  note.at.outline.node(id).body.value.toString();
  await note.saved("relay", { signal: stop });
  (await note.export("json")).size.toFixed();
  return note.link("write");
}

same<Same<NoteView["title"], string>>();
same<Same<NoteView["due"], string | undefined>>();
same<Same<NoteView["tags"], readonly string[]>>();
same<Same<NoteView["where"], { readonly x: number }>>();
same<Same<NoteView["todos"][number]["prio"], "lo" | "hi" | undefined>>();
same<Same<NoteView["todos"][number]["$id"], string>>();
same<Same<NoteView["seen"], Readonly<Record<string, boolean>>>>();
same<Same<NoteView["votes"], number>>();
same<Same<NoteView["hash"], Uint8Array | undefined>>();
same<Same<ReturnType<NoteView["essay"]["spans"]>[number]["marks"]["head"], "h1" | "h2" | undefined>>();
same<Same<ReturnType<NoteView["essay"]["spans"]>[number]["embed"], { readonly x: number } | undefined>>();
same<Same<ReturnType<NoteView["plain"]["spans"]>[number]["marks"]["bold"], true | undefined>>();
same<Same<NoteView["outline"][number]["children"][number]["children"][number]["title"], string>>();
same<Same<NoteView["outline"][number]["$id"], string>>();
same<Same<NoteView["words"][number]["value"], string>>();
same<Same<Input<{ a: ReturnType<typeof s.string>; b: ReturnType<typeof s.counter> }>, { a: string; b?: number }>>();

declare const doc: Doc<typeof Note>;
// @ts-expect-error frozen
doc.value.title = "x";
// @ts-expect-error frozen
doc.value.tags.push("x");
doc.presence.set({ name: "Ann", caret: { x: 1 } });
doc.presence.set({ caret: undefined });
const names: readonly string[] = doc.presence.others.value.map((p) => p.name.toUpperCase() + p.colour + p.session + (p.caret?.x ?? ""));
void names;
// @ts-expect-error wrong type
doc.presence.set({ name: 3 });
// @ts-expect-error no such field
doc.presence.set({ nmae: "Ann" });
// @ts-expect-error frozen
doc.presence.others.value[0]!.name = "x";
// @ts-expect-error presence holds registers
defineDoc("x", { version: 1, shape: {}, presence: { body: s.text() } });
declare const bare: Doc<DocType<{ title: ReturnType<typeof s.string> }>>;
const sessions: readonly string[] = bare.presence.others.value.map((p) => p.session);
void sessions;
// @ts-expect-error async change
doc.change(async (d) => { d.title = "x"; });
// @ts-expect-error no $id on a string
doc.value.tags[0]!.$id;
// @ts-expect-error children are never replaced
doc.change((d) => { d.body = "x"; });
// @ts-expect-error children are never replaced
doc.change((d) => { d.todos = []; });
// @ts-expect-error no such mark
doc.change((d) => d.essay.mark(0, 1, "italic", true));
// @ts-expect-error not what the mark says
doc.change((d) => d.essay.mark(0, 1, "head", "h3"));
// @ts-expect-error no embeds declared
doc.change((d) => d.plain.embed(0, 1));
// @ts-expect-error a growth
s.mark({ grow: "before" });
// @ts-expect-error frozen
doc.value.outline[0]!.children.push();
// @ts-expect-error wrong input below
doc.change((d) => d.outline.add({ title: "a", children: [{ titel: "b" }] }));
// @ts-expect-error trees hold registers or objects
s.tree(s.text());
// @ts-expect-error unknown field
doc.change((d) => { d.colour = "x"; });
// @ts-expect-error wrong type
doc.change((d) => { d.title = 3; });
// @ts-expect-error not optional
doc.change((d) => { d.title = undefined; });
// @ts-expect-error wrong input type
doc.change((d) => d.todos.add({ done: "x" }));
// @ts-expect-error not a member
doc.change((d) => d.todos.add({ prio: "mid" }));
// @ts-expect-error the text of a reference is no register
doc.at.title;
// @ts-expect-error not a right
doc.link("comment");
// @ts-expect-error not a format of this version
doc.export("markdown");
// @ts-expect-error an id is read only
doc.change((d) => { d.todos.at(0)!.$id = "x"; });
// @ts-expect-error lists hold registers or objects
s.list(s.text());
// @ts-expect-error a default has the type of its field
s.string().default(3);
// @ts-expect-error a home has a name
freehold({});
// @ts-expect-error no such option
freehold({ name: "notes", relays: ["https://relay.example"] });
