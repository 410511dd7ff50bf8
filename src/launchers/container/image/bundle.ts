/** Bundles the executor into one file, which can be carried into any image. */
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Plugin } from 'esbuild';

const ENTRY = fileURLToPath(new URL('../../../../executor/main.ts', import.meta.url));

// CommonJS dependencies call require, which an ES module does not have.
const BANNER =
  "import { createRequire as runloomRequire } from 'node:module'; const require = runloomRequire(import.meta.url);";

/** Replaces the module that reads the Lua scripts' files by one that contains their texts. */
const LUA_TEXTS: Plugin = {
  name: 'lua-texts',
  setup({ onLoad }) {
    onLoad({ filter: /\/src\/wire\/scripts\/lua\.ts$/ }, async ({ path }) => {
      const files = (await readdir(dirname(path))).filter((name) => name.endsWith('.lua')).sort();
      const read = async (file: string) => [
        file.slice(0, -'.lua'.length),
        await readFile(join(dirname(path), file), 'utf8'),
      ];
      const texts = JSON.stringify(Object.fromEntries(await Promise.all(files.map(read))));
      return {
        contents: `const texts = ${texts}; export const lua = (...names) => () => names.map((name) => texts[name]).join('\\n');`,
      };
    });
  },
};

/** The bundle of executor/main.ts (or another entry) for Node.js 24. The same input gives the same bytes. */
export const bundleExecutor = async (entry = ENTRY): Promise<Buffer> => {
  const { build } = await import('esbuild');
  const result = await build({
    entryPoints: [entry],
    bundle: true,
    write: false,
    platform: 'node',
    format: 'esm',
    target: 'node24',
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: 'none',
    banner: { js: BANNER },
    plugins: [LUA_TEXTS],
    logLevel: 'silent',
  });
  const file = result.outputFiles[0];
  if (file === undefined) throw new Error('esbuild produced no bundle of the executor');
  return Buffer.from(file.contents);
};
