/** A run as seen from outside: what the API shows, and whether its log and its record have the same end. */
import { expect } from 'vitest';
import { type Answer, request } from '../clients/client.ts';
import { until } from './runs.ts';

export interface Shown {
  readonly id: string;
  readonly status: string;
  readonly attempt: number;
  readonly exitCode: number | null;
  readonly failure: { readonly reason: string; readonly message: string; readonly signal: string | null } | null;
  readonly cancelRequestedAt: string | null;
  readonly lastSeq: number;
  readonly lines: number;
  readonly digest: string | null;
}

/** One JSON line of log.ndjson. */
export interface LoggedEvent {
  readonly __typename: string;
  readonly seq: number;
  readonly fromSeq?: number;
  readonly attempt: number;
  readonly timestamp: string;
  readonly status?: string;
  readonly message?: string;
  readonly kind?: string;
  readonly retryAt?: string | null;
  readonly [field: string]: unknown;
}

const FIELDS = 'id status attempt exitCode failure { reason message signal } cancelRequestedAt lastSeq lines digest';
const TERMINAL = ['COMPLETED', 'FAILED', 'CANCELLED'];
/** Long: it only ends a test that would hang, because a busy machine is not a failure. */
const STUCK_MS = 50_000;

export const shell = (script: string, more: Record<string, unknown> = {}): Record<string, unknown> => ({
  command: ['sh', '-c', script],
  ...more,
});

export const show = async (url: string, id: string): Promise<Shown | null> =>
  (await request(url, `query ($id: ID!) { run(id: $id) { ${FIELDS} } }`, { id })).data?.run as Shown | null;

export const untilRun = async (url: string, id: string, enough: (run: Shown) => boolean): Promise<Shown> => {
  const run = await until(
    () => show(url, id),
    (one) => one != null && enough(one),
    STUCK_MS,
  );
  if (run === null) throw new Error(`run ${id} does not exist`);
  return run;
};

export const untilEnd = (url: string, id: string): Promise<Shown> =>
  untilRun(url, id, ({ status }) => TERMINAL.includes(status));

export const cancelRun = (url: string, id: string, more: Record<string, unknown> = {}): Promise<Answer> =>
  request(url, `mutation ($input: CancelRunInput!) { cancelRun(input: $input) { run { ${FIELDS} } } }`, {
    input: { runId: id, ...more },
  });

export const deleteRun = (url: string, id: string): Promise<Answer> =>
  request(url, 'mutation ($id: ID!) { deleteRun(input: { runId: $id }) { deletedRunId } }', { id });

export const codeOf = (answer: Answer): unknown => answer.errors?.[0]?.extensions?.code ?? null;

/** The whole log, downloaded. */
export const loggedEvents = async (url: string, id: string): Promise<LoggedEvent[]> => {
  const text = await (await fetch(`${url}/runs/${id}/log.ndjson`)).text();
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as LoggedEvent);
};

/** Waits for the end. Expects one end, at the end of a log without holes, that agrees with the record. */
export const expectOneEnd = async (url: string, id: string): Promise<{ run: Shown; events: LoggedEvent[] }> => {
  const run = await untilEnd(url, id);
  const events = await loggedEvents(url, id);
  let next = 1;
  for (const event of events) {
    expect(event.fromSeq ?? event.seq, id).toBe(next);
    next = event.seq + 1;
  }
  expect(events.filter(({ __typename }) => __typename === 'RunFinished')).toHaveLength(1);
  const { status, exitCode, failure, digest, lastSeq } = run;
  expect(events.at(-1)).toMatchObject({ __typename: 'RunFinished', seq: lastSeq, status, exitCode, failure, digest });
  expect(failure === null).toBe(status !== 'FAILED');
  for (let attempt = 1; attempt <= run.attempt; attempt += 1) {
    const ends = events.filter((event) => event.__typename === 'AttemptFinished' && event.attempt === attempt);
    expect(ends, `${id} attempt ${attempt}`).toHaveLength(1);
  }
  return { run, events };
};
