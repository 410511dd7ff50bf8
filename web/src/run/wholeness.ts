/** Proves in the page that the log is whole: the SHA-256 of the last attempt's lines is the digest of RunFinished. */
import type { RunPartsFragment } from '../../../schema/generated/graphql.ts';
import type { Connection } from '../connection/connect.ts';
import { isOver } from '../runs/status.tsx';

/** Larger logs are verified when the reader asks for it: crypto.subtle needs all bytes at once. */
const BY_ITSELF_BYTES = 8_000_000;
const MOST_BYTES = 512_000_000;

export type Wholeness = 'verified' | 'different' | 'large' | 'unprovable' | 'running';

/**
 * @param asked the reader has asked for it
 * @throws Error if the log cannot be read now, and what fetch throws
 */
export const wholenessOf = async (
  run: RunPartsFragment,
  connection: Connection,
  asked: boolean,
): Promise<Wholeness> => {
  if (!isOver(run.status)) return 'running';
  const provable = run.digest !== null && run.dropped === 0 && globalThis.crypto?.subtle;
  if (!provable || run.bytes > MOST_BYTES) return 'unprovable';
  if (run.bytes > BY_ITSELF_BYTES && !asked) return 'large';
  const url = new URL(downloadUrl(run.id, 'log.txt'), connection.url);
  if (run.attempt > 1) url.searchParams.set('attempt', String(run.attempt));
  const response = await connection.fetch(url.href);
  if (response.status === 404) return 'unprovable';
  if (!response.ok) throw new Error(`the log was answered with status ${response.status}`);
  const hash = await crypto.subtle.digest('SHA-256', await response.arrayBuffer());
  const digest = Array.from(new Uint8Array(hash), (byte) => byte.toString(16).padStart(2, '0')).join('');
  return digest === run.digest ? 'verified' : 'different';
};

/** Relative, so that the path prefix of a reverse proxy is kept. */
export const downloadUrl = (runId: string, file: 'log.txt' | 'log.ndjson'): string => `./runs/${runId}/${file}`;

export const WHOLENESS_TEXT: Readonly<Record<Wholeness, string | null>> = {
  verified: 'whole: digest verified',
  different: 'the digest differs: the log is not whole',
  large: null,
  unprovable: null,
  running: null,
};
