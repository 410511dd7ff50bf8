/**
 * Builds the package @runloom/log-element: one file without dependencies, its types, and the licenses of what is in it.
 * `npm pack ./packages/log-element` runs this script. The script can be repeated, but not run concurrently.
 */
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';

const at = (path: string): string => fileURLToPath(new URL(`../${path}`, import.meta.url));
const PACKAGE = at('packages/log-element');
const CLASS = `
export declare const RunloomLog: { new (): RunloomLogElement; prototype: RunloomLogElement };
`;

// Vite and its plugins take the caller's value, such as `test`, and would build React for development.
process.env.NODE_ENV = 'production';
await build({
  configFile: at('web/vite.config.ts'),
  logLevel: 'warn',
  // Vite leaves it to applications to replace this in a library.
  define: { 'process.env.NODE_ENV': '"production"' },
  build: {
    outDir: `${PACKAGE}/dist`,
    emptyOutDir: true,
    lib: { entry: at('web/src/embed/runloomLog.ts'), formats: ['es'], fileName: () => 'runloom-log.js' },
    // Those that know light-dark(): without it a theme could not follow the page's color-scheme.
    cssTarget: ['chrome123', 'firefox120', 'safari17.5'],
    rolldownOptions: { output: { minify: true } },
    license: { fileName: 'LICENSES.md' },
  },
});
writeFileSync(`${PACKAGE}/dist/runloom-log.d.ts`, readFileSync(at('web/src/embed/elementTypes.ts'), 'utf8') + CLASS);
cpSync(at('LICENSE'), `${PACKAGE}/LICENSE`);
