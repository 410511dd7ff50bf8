/** The container engine's API (Docker, or Podman's compatible one), reached over its unix socket. */
import type Docker from 'dockerode';
import { withDeadline } from '../../../async/deadline.ts';

/** What differs between engines, asked once. */
export interface EngineFacts {
  readonly name: 'Docker' | 'Podman';
  readonly version: string;
  /** As images tell theirs: amd64, arm64. */
  readonly architecture: string;
}

/** dockerode is loaded here and not before: it costs 95 ms that a service with local processes need not pay. */
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

/** The HTTP status that the engine answered with, or null where it did not answer at all. */
export const statusOf = (error: unknown): number | null => {
  if (typeof error !== 'object' || error === null || !('statusCode' in error)) return null;
  return typeof error.statusCode === 'number' ? error.statusCode : null;
};

export const isNotFound = (error: unknown): boolean => statusOf(error) === 404;

/** The answer, or null where the engine says that there is no such thing. */
export const orNull = async <T>(answer: Promise<T>): Promise<T | null> => {
  try {
    return await answer;
  } catch (error) {
    if (isNotFound(error)) return null;
    throw error;
  }
};

/** The engine's own words, for a cause or an operator; never for a client. */
export const engineMessage = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error);
  const json = (error as { readonly json?: { readonly message?: unknown } }).json;
  return typeof json?.message === 'string' ? json.message : error.message;
};

/** For Container.wait. The interval is Podman's alone (250 ms by default); Docker takes no notice of it. */
export const UNTIL_STOPPED = { condition: 'not-running', interval: '50ms' } as const;

/** Far more than an engine under load needs for one call (seconds), less than anybody wants to wait. */
const ANSWER_MS = 60_000;

/**
 * The call's answer, in time: an answer that is cut in its middle never settles in docker-modem.
 * @throws Error after `ms`, or the signal's reason; what the call itself throws
 */
export const inTime = <T>(call: Promise<T>, signal?: AbortSignal, ms = ANSWER_MS): Promise<T> =>
  withDeadline(() => call, { ms, signal });
