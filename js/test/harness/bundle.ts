// Test entries for the browser, bundled in memory from the sources.

import { build } from "esbuild";

/** One ES module from a TypeScript file, as text. The package by its public name stays outside, at `/index.js`. */
export const bundle = async (entry: string): Promise<string> => {
  const { outputFiles } = await build({
    entryPoints: [entry], bundle: true, write: false, format: "esm", target: "es2022", platform: "browser", sourcemap: "inline", logLevel: "silent",
    external: ["./inline.js"],
    plugins: [{ name: "freehold", setup: (b) => b.onResolve({ filter: /^freehold$/ }, () => ({ path: "/index.js", external: true })) }],
  });
  const [file] = outputFiles;
  if (file === undefined) throw new Error(`nothing came of ${entry}`);
  return file.text;
};
