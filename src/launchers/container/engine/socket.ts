/** Finds the engine's socket where the operator named none. */
import { request } from 'node:http';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** What the environment says about it (config.ts reads it). */
export interface SocketHints {
  /** DOCKER_HOST, unchanged; only a unix:// address is usable. */
  readonly dockerHost: string | null;
  /** XDG_RUNTIME_DIR. */
  readonly runtimeDirectory: string | null;
}

const ANSWER_MS = 3000;

/** In this order: DOCKER_HOST, Docker's sockets, Podman's sockets; those of the system before those of the user. */
export const socketCandidates = ({ dockerHost, runtimeDirectory }: SocketHints): readonly string[] => [
  ...(dockerHost?.startsWith('unix://') ? [dockerHost.slice('unix://'.length)] : []),
  '/var/run/docker.sock',
  ...(runtimeDirectory ? [`${runtimeDirectory}/docker.sock`] : []),
  join(homedir(), '.docker/run/docker.sock'),
  '/run/podman/podman.sock',
  ...(runtimeDirectory ? [`${runtimeDirectory}/podman/podman.sock`] : []),
];

/** Whether an engine answers a ping on this socket within 3 seconds. */
export const engineAnswers = (socketPath: string): Promise<boolean> =>
  new Promise((resolve) => {
    const ping = request({ socketPath, path: '/_ping', timeout: ANSWER_MS }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    ping.on('timeout', () => ping.destroy());
    ping.on('error', () => resolve(false));
    ping.on('close', () => resolve(false));
    ping.end();
  });

/** The first candidate that answers, or null. */
export const findContainerSocket = async (hints: SocketHints): Promise<string | null> => {
  for (const candidate of socketCandidates(hints)) {
    if (await engineAnswers(candidate)) return candidate;
  }
  return null;
};
