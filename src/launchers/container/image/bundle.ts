/** The executor as one file, so that it can be carried into any image. */
import { fileURLToPath } from 'node:url';

const ENTRY = fileURLToPath(new URL('../../../../executor/main.ts', import.meta.url));

// Dependencies that are CommonJS ask for require, which a module has not by itself.
const BANNER =
  "import { createRequire as runloomRequire } from 'node:module'; const require = runloomRequire(import.meta.url);";

/** Bundles executor/main.ts (or another entry) for Node.js 24. The same input gives the same bytes. */
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
    logLevel: 'silent',
  });
  const file = result.outputFiles[0];
  if (file === undefined) throw new Error('esbuild made no file of the executor');
  return Buffer.from(file.contents);
};
