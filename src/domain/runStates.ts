/**
 * The states of a run and the events that change them, as one complete table. Writers of ends, the supervisor and the
 * API's commands decide by it; the Lua scripts get their lists of statuses from it. Pure.
 */
import type { RunStatus } from './run.ts';

/**
 * What can happen to a run:
 * - `attemptStarted`: a supervisor begins the next attempt.
 * - `executorReported`: the attempt's executor is there and is about to start the command. An executor that takes over
 *   from another one reports too.
 * - `completed`: the attempt ended with exit code 0.
 * - `failed`: the attempt FAILED, and no other attempt follows.
 * - `failedToRetry`: the attempt FAILED, and another attempt follows.
 * - `cancelled`: the run ended because of a cancel.
 * - `cancelAsked`, `retryAsked`, `deleteAsked`: the mutations cancelRun, retryRun and deleteRun.
 */
export const RUN_EVENTS = [
  'attemptStarted',
  'executorReported',
  'completed',
  'failed',
  'failedToRetry',
  'cancelled',
  'cancelAsked',
  'retryAsked',
  'deleteAsked',
] as const;
export type RunStateEvent = (typeof RUN_EVENTS)[number];

export type Transition =
  /** The run gets this status; it can be the one that it has. */
  | { readonly kind: 'to'; readonly status: RunStatus }
  /** The status stays: the event is noted for the log's writer, or concerns another run. */
  | { readonly kind: 'stays' }
  | { readonly kind: 'removed' }
  /** The event cannot happen or is refused; `why` is a sentence. */
  | { readonly kind: 'invalid'; readonly why: string };

const to = (status: RunStatus): Transition => ({ kind: 'to', status });
const STAYS: Transition = { kind: 'stays' };
const REMOVED: Transition = { kind: 'removed' };
const invalid = (why: string): Transition => ({ kind: 'invalid', why });

const NO_ATTEMPT = invalid('No attempt of the run is under way.');
const UNDER_WAY = invalid('An attempt of the run is under way.');
const NO_COMMAND = invalid('The command of the run has not been started.');
const FINISHED = invalid('The run has finished.');
const NOT_FINISHED = invalid('The run has not finished. Cancel it first.');

/** All finished states are alike: nothing changes them but the run's removal. */
const AFTER_THE_END: Readonly<Record<RunStateEvent, Transition>> = {
  attemptStarted: FINISHED,
  executorReported: FINISHED,
  completed: FINISHED,
  failed: FINISHED,
  failedToRetry: FINISHED,
  cancelled: FINISHED,
  cancelAsked: STAYS,
  retryAsked: STAYS,
  deleteAsked: REMOVED,
};

/** Both Records are complete: a state or an event without its pairs does not compile. */
export const RUN_STATES: Readonly<Record<RunStatus, Readonly<Record<RunStateEvent, Transition>>>> = {
  PENDING: {
    attemptStarted: to('STARTING'),
    executorReported: NO_ATTEMPT,
    completed: NO_ATTEMPT,
    failed: NO_ATTEMPT,
    failedToRetry: NO_ATTEMPT,
    cancelled: to('CANCELLED'),
    // Nothing runs that could end it: the API writes the end itself.
    cancelAsked: to('CANCELLED'),
    retryAsked: STAYS,
    deleteAsked: NOT_FINISHED,
  },
  STARTING: {
    attemptStarted: UNDER_WAY,
    executorReported: to('RUNNING'),
    completed: NO_COMMAND,
    failed: to('FAILED'),
    failedToRetry: to('PENDING'),
    cancelled: to('CANCELLED'),
    cancelAsked: STAYS,
    retryAsked: STAYS,
    deleteAsked: NOT_FINISHED,
  },
  RUNNING: {
    attemptStarted: UNDER_WAY,
    executorReported: to('RUNNING'),
    completed: to('COMPLETED'),
    failed: to('FAILED'),
    failedToRetry: to('PENDING'),
    cancelled: to('CANCELLED'),
    cancelAsked: STAYS,
    retryAsked: STAYS,
    deleteAsked: NOT_FINISHED,
  },
  COMPLETED: AFTER_THE_END,
  FAILED: AFTER_THE_END,
  CANCELLED: AFTER_THE_END,
};

/** The event was refused by RUN_STATES: a fault of the program, since callers ask only for what can happen. */
export class InvalidTransition extends Error {
  override readonly name = 'InvalidTransition';
}

/** The status after the event. @throws InvalidTransition */
export const statusAfter = (status: RunStatus, event: RunStateEvent): RunStatus => {
  const transition = RUN_STATES[status][event];
  if (transition.kind === 'to') return transition.status;
  if (transition.kind === 'stays') return status;
  const why = transition.kind === 'invalid' ? transition.why : 'The run is removed.';
  throw new InvalidTransition(`${event} in the state ${status}: ${why}`);
};

/** The statuses that the event changes or confirms, for the scripts that claim and append. */
export const statusesFor = (event: RunStateEvent): readonly RunStatus[] =>
  (Object.keys(RUN_STATES) as RunStatus[]).filter((status) => RUN_STATES[status][event].kind === 'to');

/** `waiting`: for an attempt. `executing`: an attempt is under way. `finished`: for good. */
export type Phase = 'waiting' | 'executing' | 'finished';

const PHASES: Readonly<Record<RunStatus, Phase>> = {
  PENDING: 'waiting',
  STARTING: 'executing',
  RUNNING: 'executing',
  COMPLETED: 'finished',
  FAILED: 'finished',
  CANCELLED: 'finished',
};

export const phaseOf = (status: RunStatus): Phase => PHASES[status];
