/** Compares the table of a run's states with PROTOCOL.md, docs/reference/runs.md and the contract's schema. */
import { readFileSync } from 'node:fs';
import { buildSchema, isEnumType } from 'graphql';
import { expect, test } from 'vitest';
import { isTerminal, RUN_STATUSES, type RunStatus } from '../../../src/domain/run.ts';
import {
  InvalidTransition,
  phaseOf,
  RUN_EVENTS,
  RUN_STATES,
  type RunStateEvent,
  statusAfter,
  statusesFor,
} from '../../../src/domain/runStates.ts';

const repository = new URL('../../../', import.meta.url);
const FINISHED: readonly RunStatus[] = ['COMPLETED', 'FAILED', 'CANCELLED'];
const UNFINISHED: readonly RunStatus[] = ['PENDING', 'STARTING', 'RUNNING'];

/** The new status; `=` if the status stays, `x` if the run is removed, `-` if the event is impossible. */
const shown = (status: RunStatus, event: RunStateEvent): string => {
  const transition = RUN_STATES[status][event];
  switch (transition.kind) {
    case 'to':
      return transition.status;
    case 'stays':
      return '=';
    case 'removed':
      return 'x';
    case 'invalid':
      return '-';
  }
};

test('the table has a rule for every event in every state of the schema', () => {
  const schema = buildSchema(readFileSync(new URL('schema/schema.graphql', repository), 'utf8'));
  const type = schema.getType('RunStatus');
  const values = isEnumType(type) ? type.getValues().map(({ name }) => name) : [];
  expect(Object.keys(RUN_STATES).sort()).toEqual(values.sort());
  expect([...RUN_STATUSES].sort()).toEqual(values.sort());
  for (const status of RUN_STATUSES) expect(Object.keys(RUN_STATES[status]).sort()).toEqual([...RUN_EVENTS].sort());
});

test('every pair of state and event has the documented result', () => {
  const rows = RUN_STATUSES.map((status) => [status, ...RUN_EVENTS.map((event) => shown(status, event))].join(' '));
  //                attemptStarted executorReported completed failed failedToRetry cancelled cancel retry delete
  expect(rows).toEqual([
    'PENDING STARTING - - - - CANCELLED CANCELLED = -',
    'STARTING - RUNNING - FAILED PENDING CANCELLED = = -',
    'RUNNING - RUNNING COMPLETED FAILED PENDING CANCELLED = = -',
    'COMPLETED - - - - - - = = x',
    'FAILED - - - - - - = = x',
    'CANCELLED - - - - - - = = x',
  ]);
});

test('a usual run is PENDING, STARTING, RUNNING and then COMPLETED', () => {
  const course = ['attemptStarted', 'executorReported', 'completed'] as const;
  let status: RunStatus = 'PENDING';
  const seen: RunStatus[] = [status];
  for (const event of course) {
    status = statusAfter(status, event);
    seen.push(status);
  }
  expect(seen).toEqual(['PENDING', 'STARTING', 'RUNNING', 'COMPLETED']);
});

test('W7: the supervisor starts PENDING runs, the executor claims after it, and the supervisor ends what was started', () => {
  expect(statusesFor('attemptStarted')).toEqual(['PENDING']);
  expect(statusesFor('executorReported')).toEqual(['STARTING', 'RUNNING']);
  expect(statusesFor('failed')).toEqual(['STARTING', 'RUNNING']);
  expect(statusesFor('cancelAsked')).toEqual(['PENDING']);
});

test('E3: a finished run never changes its status', () => {
  for (const status of FINISHED) {
    for (const event of RUN_EVENTS) expect(RUN_STATES[status][event].kind).not.toBe('to');
  }
});

test('only a command that ran can be COMPLETED', () => {
  expect(statusesFor('completed')).toEqual(['RUNNING']);
});

test('a cancel ends a PENDING run at once, is recorded for a running one, and returns a finished one unchanged', () => {
  expect(statusAfter('PENDING', 'cancelAsked')).toBe('CANCELLED');
  for (const status of ['STARTING', 'RUNNING', ...FINISHED] as const)
    expect(statusAfter(status, 'cancelAsked')).toBe(status);
});

test('retryRun creates a new run, whatever the state of the first', () => {
  for (const status of RUN_STATUSES) expect(RUN_STATES[status].retryAsked).toEqual({ kind: 'stays' });
});

test('deleteRun removes only finished runs; for others the error says what to do', () => {
  for (const status of FINISHED) expect(RUN_STATES[status].deleteAsked).toEqual({ kind: 'removed' });
  for (const status of UNFINISHED) {
    expect(RUN_STATES[status].deleteAsked).toEqual({
      kind: 'invalid',
      why: 'The run has not finished. Cancel it first.',
    });
  }
});

test('an impossible event is an error that names the event, the state and the reason', () => {
  expect(() => statusAfter('PENDING', 'completed')).toThrow(InvalidTransition);
  expect(() => statusAfter('PENDING', 'completed')).toThrow(
    'completed in the state PENDING: No attempt of the run is under way.',
  );
});

test('exactly the states in the phase finished are final', () => {
  for (const status of RUN_STATUSES) expect(phaseOf(status) === 'finished').toBe(isTerminal(status));
});
