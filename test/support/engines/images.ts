/** Images for tests, built from busybox and a Dockerfile. */
import { readFile } from 'node:fs/promises';
import type Docker from 'dockerode';
import { type Headers, pack } from 'tar-stream';
import { readSteps } from '../../../src/launchers/container/image/steps.ts';

/** Contains only /bin/busybox, without links for its applets. */
export const ONLY_BUSYBOX = 'localhost/only-busybox:1';

/** Builds an image; `files` and busybox are in the context, executable. @throws Error with the message of the engine */
export const buildImage = async (
  docker: Docker,
  name: string,
  dockerfile: string,
  files: Readonly<Record<string, Buffer | string>> = {},
): Promise<string> => {
  const context = pack();
  context.entry({ name: 'Dockerfile' }, dockerfile);
  context.entry({ name: 'busybox', mode: 0o755 }, await readFile('/bin/busybox'));
  for (const [path, content] of Object.entries(files)) context.entry({ name: path, mode: 0o755 }, content);
  context.finalize();
  await readSteps(await docker.buildImage(context, { t: name }), () => undefined);
  return name;
};

/** One entry of a root file system, as in tar; with `content` it is a file with mode 755. */
export type RootEntry = Partial<Headers> & { readonly name: string; readonly content?: Buffer | string };

/**
 * An image of these files and busybox, with Dockerfile lines that change its settings. No container builds it, so it can
 * contain what a container could not make: a link instead of /proc, a FIFO instead of /etc/hosts.
 */
export const importImage = async (
  docker: Docker,
  name: string,
  entries: readonly RootEntry[],
  changes: readonly string[] = [],
): Promise<string> => {
  const root = pack();
  root.entry({ name: 'bin/busybox', mode: 0o755 }, await readFile('/bin/busybox'));
  for (const { content, ...header } of entries) {
    if (content === undefined) root.entry({ mode: 0o755, ...header });
    else root.entry({ mode: 0o755, ...header }, content);
  }
  root.finalize();
  let id = '';
  const options = changes.length > 0 ? { changes: [...changes] } : {};
  await readSteps(await docker.importImage(root, options as object), (text) => {
    id = /[0-9a-f]{64}/.exec(text)?.[0] ?? id;
  });
  const [repo = '', tag = 'latest'] = name.split(/:(?=[^/]*$)/);
  await docker.getImage(id).tag({ repo, tag });
  return name;
};
