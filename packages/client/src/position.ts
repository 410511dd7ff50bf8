/** The position of a subscription in its log, and which events of a result are new there. Pure. */

import { createPositions, isFollowed } from './positions.ts';

export interface LogEvent {
  readonly __typename?: string;
  readonly seq?: number;
}
/** A value of `runLogs` (an event) or `runLogBatches` (a batch). */
interface LogValue extends LogEvent {
  readonly lastSeq?: number;
  readonly events?: readonly (LogEvent & { readonly message?: string })[];
}
export interface Result {
  readonly data?: Readonly<Record<string, unknown>> | null | undefined;
  readonly hasNext?: boolean | undefined;
}

export interface Position {
  /** The seq to continue after; null if none was given and no event with a seq has arrived. */
  readonly after: () => number | null;
  /** What the variables of the next try must have. */
  readonly variables: () => Readonly<Record<string, unknown>>;
  /** Whether a next try continues where this one was. */
  readonly canResume: () => boolean;
  /** Whether RunFinished has arrived; nothing follows it. */
  readonly isFinished: () => boolean;
  /** Whether the position has moved since the last call of `asked`. */
  readonly hasMoved: () => boolean;
  /** Call it when the server is asked, or asked again. */
  readonly asked: () => void;
  /** The result without repeated events; null if nothing is left. A result without seqs is returned unchanged. */
  readonly take: (result: Result) => Result | null;
}

const logOf = (data: Result['data']): readonly [field: string, value: LogValue] | null => {
  for (const [field, value] of Object.entries(data ?? {})) {
    if (typeof value === 'object' && value !== null) return [field, value];
  }
  return null;
};

/**
 * @param given the variables of the subscription
 * @param isOfMany whether it is one to `logs`
 */
export const createPosition = (given: Readonly<Record<string, unknown>>, isOfMany = false): Position => {
  let last = typeof given.after === 'number' ? given.after : null;
  const positions = createPositions(given.positions, given.since);
  let finished = false;
  let moved = false;
  return {
    after: () => last,
    variables: () => (isOfMany ? positions.variables() : last === null ? {} : { after: last }),
    canResume: () => last !== null || positions.areKnown(),
    isFinished: () => finished,
    hasMoved: () => moved,
    asked: () => {
      moved = false;
    },
    take: (result) => {
      const log = logOf(result.data);
      if (log === null) return result;
      const [field, value] = log;
      if (isOfMany && isFollowed(value)) {
        const taken = positions.take(value);
        moved ||= taken.moved;
        if (taken.value === value) return result;
        return taken.value === null ? null : { ...result, data: { [field]: taken.value } };
      }
      const events = value.events ?? (value.seq === undefined ? [] : [value]);
      // If a filter removed every event of a batch, lastSeq still tells the position.
      const seq = value.events === undefined ? value.seq : (value.lastSeq ?? events.at(-1)?.seq);
      if (seq === undefined) return result;
      const before = last ?? 0;
      const unseen = events.filter((event) => event.seq === undefined || event.seq > before);
      finished ||= events.some(({ __typename }) => __typename === 'RunFinished');
      if (seq > before) [last, moved] = [seq, true];
      if (unseen.length === 0 && events.length > 0) return null;
      const data = unseen.length === events.length ? result.data : { [field]: { ...value, events: unseen } };
      // Without `hasNext: false` urql shows the last result twice.
      return { ...result, data: data ?? null, ...(finished ? { hasNext: false } : {}) };
    },
  };
};
