/** Where a subscription is in its log, and what of a result is new there. Pure. */

export interface LogEvent {
  readonly __typename?: string;
  readonly seq?: number;
}
/** What `runLogs` gives (an event) or `runLogBatches` (a batch). */
interface LogValue extends LogEvent {
  readonly lastSeq?: number;
  readonly events?: readonly (LogEvent & { readonly message?: string })[];
}
export interface Result {
  readonly data?: Readonly<Record<string, unknown>> | null | undefined;
  readonly hasNext?: boolean | undefined;
}

export interface Position {
  /** Seq after which to go on; null where nothing with a seq came yet and none was given. */
  readonly after: () => number | null;
  /** RunFinished came: nothing follows. */
  readonly isFinished: () => boolean;
  /** Whether it moved since the last call of `asked`. */
  readonly hasMoved: () => boolean;
  /** To be called when the server is asked (again). */
  readonly asked: () => void;
  /** The result less what was had before; null where nothing is left of it. Results without seqs stay as they are. */
  readonly take: (result: Result) => Result | null;
}

const logOf = (data: Result['data']): readonly [field: string, value: LogValue] | null => {
  for (const [field, value] of Object.entries(data ?? {})) {
    if (typeof value === 'object' && value !== null) return [field, value];
  }
  return null;
};

export const createPosition = (given: unknown): Position => {
  let last = typeof given === 'number' ? given : null;
  let finished = false;
  let moved = false;
  return {
    after: () => last,
    isFinished: () => finished,
    hasMoved: () => moved,
    asked: () => {
      moved = false;
    },
    take: (result) => {
      const log = logOf(result.data);
      if (log === null) return result;
      const [field, value] = log;
      const events = value.events ?? (value.seq === undefined ? [] : [value]);
      // A batch that a filter emptied says with lastSeq how far it got.
      const seq = value.events === undefined ? value.seq : (value.lastSeq ?? events.at(-1)?.seq);
      if (seq === undefined) return result;
      const before = last ?? 0;
      const unseen = events.filter((event) => event.seq === undefined || event.seq > before);
      finished ||= events.some(({ __typename }) => __typename === 'RunFinished');
      if (seq > before) [last, moved] = [seq, true];
      if (unseen.length === 0 && events.length > 0) return null;
      const data = unseen.length === events.length ? result.data : { [field]: { ...value, events: unseen } };
      // Without hasNext: false urql shows the last result a second time.
      return { ...result, data: data ?? null, ...(finished ? { hasNext: false } : {}) };
    },
  };
};
