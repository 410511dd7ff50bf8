/** The container engine's API (Docker, or Podman's compatible one), reached over its unix socket. */
import type Docker from 'dockerode';
import { withDeadline } from '../../../async/deadline.ts';

/** What differs between engines, asked once. */
export interface EngineFacts {
  readonly name: 'Docker' | 'Podman';
  readonly version: string;
  /** In the words of image configurations: amd64, arm64. */
  readonly architecture: string;
}

/** Loads dockerode only when it is called: that takes 95 ms, which a service with local processes does not need. */
export const connectEngine = async (socketPath: string): Promise<Docker> => {
  const { default: Dockerode } = await import('dockerode');
  return new Dockerode({ socketPath });
};

/** @throws Error where the engine does not answer */
export const engineFacts = async (docker: Docker): Promise<EngineFacts> => {
  const version = await docker.version();
  const components = (version.Components ?? []) as readonly { readonly Name: string }[];
  return {
    name: components.some((component) => component.Name.startsWith('Podman')) ? 'Podman' : 'Docker',
    version: version.Version,
    architecture: version.Arch,
  };
};

/** HTTP status of the engine's answer; null where there was no answer. */
export const statusOf = (error: unknown): number | null => {
  if (typeof error !== 'object' || error === null || !('statusCode' in error)) return null;
  return typeof error.statusCode === 'number' ? error.statusCode : null;
};

export const isNotFound = (error: unknown): boolean => statusOf(error) === 404;

/** The answer, or null where it is 404. @throws any other error */
export const orNull = async <T>(answer: Promise<T>): Promise<T | null> => {
  try {
    return await answer;
  } catch (error) {
    if (isNotFound(error)) return null;
    throw error;
  }
};

/** The engine's error text: for a cause or an operator, never for a client. */
export const engineMessage = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error);
  const json = (error as { readonly json?: { readonly message?: unknown } }).json;
  return typeof json?.message === 'string' ? json.message : error.message;
};

/** For Container.wait. Only Podman reads the interval (its default is 250 ms); Docker ignores it. */
export const UNTIL_STOPPED = { condition: 'not-running', interval: '50ms' } as const;

/** A busy engine needs seconds for one call; a call without an answer after this has failed. */
const ANSWER_MS = 60_000;

/**
 * The call's answer within `ms`. Needed because docker-modem never settles a call whose answer is cut in the middle.
 * @throws Error after `ms`, or the signal's reason; what the call itself throws
 */
export const inTime = <T>(call: Promise<T>, signal?: AbortSignal, ms = ANSWER_MS): Promise<T> =>
  withDeadline(() => call, { ms, signal });
