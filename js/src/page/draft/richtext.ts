import { encodeValue } from "../../core/value.ts";
import { FreeholdError } from "../../errors.ts";
import type { RichTextDraft } from "../../types.ts";
import type { RichTextNode } from "../textnode.ts";
import { TextEditor } from "./text.ts";

/** What stands for an embed in the text. */
const OBJECT = "\ufffc";

export class RichTextEditor extends TextEditor<RichTextNode> implements RichTextDraft<Readonly<Record<string, unknown>>, unknown> {
  override face(): RichTextDraft<Readonly<Record<string, unknown>>, unknown> {
    return this;
  }
  mark(from: number, to: number, key: string, value: unknown): void {
    this.range(from, to - from);
    const { marks } = this.node.def;
    const def = marks.get(key);
    if (def === undefined) throw new FreeholdError("invalid", `the schema has no mark ${key}`, `its marks are ${[...marks.keys()].join(", ")}`);
    const bytes = encodeValue(value === null ? null : def.value.check(value));
    if (from === to) return;
    this.txn.commands.mark(this.container(), from, to - from, def.flags, key, bytes);
    this.remember();
  }
  embed(at: number, value: unknown): void {
    this.range(at, 0);
    const { embed } = this.node.def;
    if (embed === null) throw new FreeholdError("invalid", "this text has no embeds", "declare them: s.richText(marks, s.json(…))");
    const bytes = encodeValue(embed.check(value));
    this.txn.commands.embed(this.container(), at, bytes);
    this.inserted(at, OBJECT);
  }
}
