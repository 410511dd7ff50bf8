/** The named volume that is the executor's root directory in containers, filled once from the executor image. */
import { setTimeout as delay } from 'node:timers/promises';
import type Docker from 'dockerode';
import { BUSYBOX, CARRIED, FIFO_DIRECTORY } from '../../wire/executorRoot.ts';
import { LABEL_INSTALLATION, LABEL_PROBE } from './container.ts';
import { engineMessage, isNotFound, UNTIL_STOPPED } from './engine/engine.ts';

/** Written last, so a volume whose filling was cut off is filled again. */
export const COMPLETE = '.complete';
/** Only root may enter the volume: Redis' socket is mounted in it, and a command's uid may be its owner's. */
const FILL_SCRIPT = `set -e
busybox=${BUSYBOX}
copy() { $busybox cp -a --remove-destination "$1" "/carry$2"; }
copy ${CARRIED}/root/. /
for part in bin lib executor.mjs; do copy ${CARRIED}/$part ${CARRIED}/; done
$busybox chmod 700 /carry /carry${FIFO_DIRECTORY}
$busybox touch /carry/${COMPLETE}`;

/**
 * Makes the volume of the image's /opt/runloom; safe to repeat, and at once from two services (a file that runs
 * cannot be written, but replaced).
 */
export const fillCarriedVolume = async (
  docker: Docker,
  image: string,
  volume: string,
  installationId: string,
): Promise<void> => {
  const { exitCode, output } = await runOnce(docker, {
    name: `runloom-fill-${crypto.randomUUID()}`,
    Image: image,
    Entrypoint: [BUSYBOX],
    Cmd: ['sh', '-c', FILL_SCRIPT],
    User: '0:0',
    Labels: { [LABEL_INSTALLATION]: installationId, [LABEL_PROBE]: 'fill' },
    HostConfig: {
      NetworkMode: 'none',
      SecurityOpt: ['no-new-privileges'],
      LogConfig: { Type: 'json-file', Config: { 'max-size': '64k' } },
      Binds: [`${volume}:/carry:rw,nocopy`],
    },
  });
  if (exitCode !== 0) throw new Error(`The executor could not be copied out of its image ${image}: ${output}`);
};

/** Makes a container, waits for its end, answers its exit code and output (64 KiB at most), removes it. */
export const runOnce = async (
  docker: Docker,
  options: Docker.ContainerCreateOptions,
): Promise<{ readonly exitCode: number; readonly output: string }> => {
  const container = await docker.createContainer(options);
  try {
    await container.start();
    await container.wait({ ...UNTIL_STOPPED });
    const { State: state } = await container.inspect();
    return { exitCode: state.ExitCode, output: await outputOf(container) };
  } finally {
    await container.remove({ force: true, v: true }).catch((error: unknown) => {
      if (!isNotFound(error)) throw new Error(engineMessage(error), { cause: error });
    });
  }
};

/** Podman writes the log a moment after the exit; an empty one is asked for again for a short while. */
const outputOf = async (container: Docker.Container): Promise<string> => {
  for (let asked = 0; ; asked += 1) {
    const framed = (await container.logs({ stdout: true, stderr: true })) as unknown as Buffer;
    const text = unframe(framed).trim();
    if (text !== '' || asked >= 10) return text;
    await delay(50);
  }
};

/** The engine's log frames (Docker Engine API, "Stream format"): 8 bytes of header, the last 4 the length. */
const unframe = (framed: Buffer): string => {
  const parts: Buffer[] = [];
  let at = 0;
  while (at + 8 <= framed.length) {
    const length = framed.readUInt32BE(at + 4);
    parts.push(framed.subarray(at + 8, at + 8 + length));
    at += 8 + length;
  }
  return Buffer.concat(parts).toString();
};
