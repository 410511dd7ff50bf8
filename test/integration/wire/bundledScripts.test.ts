import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { bundleExecutor } from '../../../src/launchers/container/image/bundle.ts';
import * as readScripts from '../../../src/wire/scripts/readScripts.ts';
import * as writeScripts from '../../../src/wire/scripts/writeScripts.ts';

test('a bundle has the texts of the Lua files, the same as an unbundled program reads', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'runloom-bundle-'));
  try {
    const scripts = new URL('../../../src/wire/scripts/', import.meta.url).pathname;
    const entry = join(folder, 'entry.ts');
    await writeFile(entry, `export * from '${scripts}writeScripts.ts';\nexport * from '${scripts}readScripts.ts';\n`);
    const bundle = join(folder, 'bundle.mjs');
    await writeFile(bundle, await bundleExecutor(entry));
    const bundled = (await import(/* @vite-ignore */ pathToFileURL(bundle).href)) as Record<string, () => string>;
    const unbundled: Record<string, () => string> = { ...readScripts, ...writeScripts };
    const names = Object.keys(unbundled).sort();
    expect(names.length).toBe(13);
    expect(names.map((name) => bundled[name]?.())).toEqual(names.map((name) => unbundled[name]?.()));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
