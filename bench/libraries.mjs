// Everything that is measured, in the order of the tables. Adapters are imported one at a time, by the process that measures it.
export const libraries = ["core", "freehold", "yjs", "loro", "automerge", "json-joy", "diamond"];

/** Whose figures the ratios divide. */
export const ours = ["core", "freehold"];
