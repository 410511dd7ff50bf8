/** How both sources of changes read runs, and compare what they have sent. */
import { retry } from '../../async/retry.ts';
import { Unavailable } from '../../domain/errors.ts';
import type { RunSummary } from '../../domain/run.ts';

const READ_AGAIN_MS = 250;

/** Reads, and waits while Redis is away. @throws the signal's reason, and every error but Unavailable */
export const whenAnswered = <T>(read: () => Promise<T>, signal: AbortSignal): Promise<T> =>
  retry(read, {
    signal,
    pauseMs: () => READ_AGAIN_MS,
    isFinal: (error) => !(error instanceof Unavailable),
  });

/** Equal for states that look the same to a subscription. */
export const stateOf = ({ version, lastSeq }: Pick<RunSummary, 'version' | 'lastSeq'>): string =>
  `${version} ${lastSeq}`;
