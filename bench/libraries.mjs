// Everything that is measured, in the order of the tables: what it is called there and what it has. Adapters are imported by the process that
// measures them.
const all = ["text", "map", "list", "counter", "updates", "file"];

export const libraries = {
  core: { name: "freehold core", can: all, ours: true },
  freehold: { name: "freehold", can: ["text", "map", "list", "counter"], ours: true },
  yjs: { name: "yjs", can: all },
  loro: { name: "loro", can: all },
  automerge: { name: "automerge", can: all },
  "json-joy": { name: "json-joy", can: all.filter((what) => what !== "counter") },
  diamond: { name: "diamond-types", can: ["text", "updates", "file"] },
};
