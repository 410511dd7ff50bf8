/** Images that tests need, built on the spot from busybox and a Dockerfile. */
import { readFile } from 'node:fs/promises';
import type Docker from 'dockerode';
import { pack } from 'tar-stream';
import { readSteps } from '../../src/launchers/container/steps.ts';

/** Holds nothing but /bin/busybox, whose applets have no names of their own. */
export const ONLY_BUSYBOX = 'localhost/only-busybox:1';

/** Builds an image; `files` and busybox are in the context, executable. @throws Error with the engine's words */
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
