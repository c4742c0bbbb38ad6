// From a node to its editor. A module of its own because editors make editors of their children.

import type { Node } from "../node.ts";
import { CounterNode, ListNode, type ObjectNode, RecordNode } from "../nodes.ts";
import { RichTextNode, TextNode } from "../textnode.ts";
import { TreeNode } from "../treenode.ts";
import { CounterEditor } from "./counter.ts";
import type { Editor } from "./editor.ts";
import { ListEditor } from "./list.ts";
import { ObjectEditor } from "./object.ts";
import { RecordEditor } from "./record.ts";
import { RichTextEditor } from "./richtext.ts";
import { TextEditor } from "./text.ts";
import type { Transaction } from "./transaction.ts";
import { TreeEditor } from "./tree.ts";

/** The editor of a node: made once, used again by every change. `parent` and `key` name a child that may not exist yet. */
export const editorOf = (txn: Transaction, node: Node, parent: Editor | null, key: string): Editor => {
  if (node.editor !== null) return node.editor as Editor;
  const editor = create(txn, node, parent, key);
  if (!(editor instanceof ObjectEditor)) Object.freeze(editor); // a callback gets it itself, and an entry may have the name of a method
  node.editor = editor;
  return editor;
};

const create = (txn: Transaction, node: Node, parent: Editor | null, key: string): Editor => {
  if (node instanceof RichTextNode) return new RichTextEditor(txn, node, parent, key);
  if (node instanceof TextNode) return new TextEditor(txn, node, parent, key);
  if (node instanceof ListNode) return new ListEditor(txn, node, parent, key);
  if (node instanceof RecordNode) return new RecordEditor(txn, node, parent, key);
  if (node instanceof TreeNode) return new TreeEditor(txn, node, parent, key);
  if (node instanceof CounterNode) return new CounterEditor(txn, node, parent, key);
  return new ObjectEditor(txn, node as ObjectNode, parent, key);
};
