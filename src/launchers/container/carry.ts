/** The named volume that is the executor's root directory in containers. It is filled once from the executor image. */
import { setTimeout as delay } from 'node:timers/promises';
import type Docker from 'dockerode';
import { BUSYBOX, CARRIED, FIFO_DIRECTORY } from '../../wire/executorRoot.ts';
import { LABEL_INSTALLATION, LABEL_PROBE } from './container.ts';
import { engineMessage, isNotFound, UNTIL_STOPPED } from './engine/engine.ts';

/** Name of the file that is written last: without it the volume is filled again. */
export const COMPLETE = '.complete';
/** Only root gets access to the volume: Redis' socket is mounted in it, and a command can have its owner's uid. */
const FILL_SCRIPT = `set -e
busybox=${BUSYBOX}
copy() { $busybox cp -a --remove-destination "$1" "/carry$2"; }
copy ${CARRIED}/root/. /
for part in bin lib executor.mjs; do copy ${CARRIED}/$part ${CARRIED}/; done
$busybox chmod 700 /carry /carry${FIFO_DIRECTORY}
$busybox touch /carry/${COMPLETE}`;

/**
 * Copies /opt/runloom of the image into the volume. Safe to repeat, also from two services at the same time: files are
 * replaced, never written to, so a program that runs from one is not disturbed. @throws Error for the operator
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
  if (exitCode !== 0) throw new Error(`Could not copy the executor out of its image ${image}: ${output}`);
};

/** Runs a container to its end and removes it. Resolves with its exit code and output (64 KiB at most). */
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

/** Asks again, up to 0.5 s, while the log is empty: Podman writes it shortly after the exit. */
const outputOf = async (container: Docker.Container): Promise<string> => {
  for (let asked = 0; ; asked += 1) {
    const framed = (await container.logs({ stdout: true, stderr: true })) as unknown as Buffer;
    const text = unframe(framed).trim();
    if (text !== '' || asked >= 10) return text;
    await delay(50);
  }
};

/** Payload of the engine's log frames (Docker Engine API, "Stream format"): 8 bytes of header, the last 4 the length. */
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
