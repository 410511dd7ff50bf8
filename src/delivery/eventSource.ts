/** Events as the resolvers of RunEvent get them: made once per stored entry, and shared by all viewers. */

import { clipBetween } from '../domain/clip.ts';
import type { EventKind, JsonValue, RunEvent, Seq } from '../domain/events.ts';
import type { RunId } from '../domain/ids.ts';
import { isRawNumber } from '../domain/text/exactJson.ts';
import type { LogEntry } from '../log/viewer.ts';
import { PlainLines } from '../wire/plainLines.ts';

export interface EventSource<Event extends RunEvent = RunEvent> {
  readonly runId: RunId;
  readonly event: Event;
}
export type SourceOf<Kind extends EventKind> = EventSource<Extract<RunEvent, { kind: Kind }>>;

/** Bytes of names, quotes, ids and timestamps of one event in a JSON result, roughly. */
const FRAME_BYTES = 200;

const jsonSize = (value: JsonValue | undefined): number => {
  if (typeof value === 'string') return value.length + 2;
  if (typeof value !== 'object' || value === null) return 8;
  if (isRawNumber(value)) return value.rawJSON.length;
  let size = 2;
  for (const [name, member] of Object.entries(value)) size += name.length + 4 + jsonSize(member as JsonValue);
  return size;
};

/** Bytes of the event on the wire, roughly. */
export const sizeOf = (event: RunEvent): number => {
  switch (event.kind) {
    case 'LogLine': {
      const { fields, exception, message } = event;
      let size = FRAME_BYTES + message.length;
      if (fields) size += jsonSize(fields);
      if (exception) size += (exception.stack?.length ?? 0) + (exception.message?.length ?? 0);
      return size;
    }
    case 'OutputProduced':
      return FRAME_BYTES + jsonSize(event.value);
    case 'CustomEvent':
      return FRAME_BYTES + jsonSize(event.data);
    default:
      return FRAME_BYTES;
  }
};

export const eventSource = <Event extends RunEvent>(runId: RunId, event: Event): EventSource<Event> => ({
  runId,
  event,
});

/** Plain lines in the place of events, for the compiled selection (compiledSelection.ts). */
export class LinesSource {
  readonly runId: RunId;
  readonly lines: PlainLines;
  constructor(runId: RunId, lines: PlainLines) {
    this.runId = runId;
    this.lines = lines;
  }
}

/** Weak, because viewers mostly share the text that is made of them. */
const known = new WeakMap<LogEntry, WeakRef<readonly EventSource[]>>();

/** All events of the entry. @throws CodecError where its bytes are no batch */
export const sourcesOf = (runId: RunId, entry: LogEntry): readonly EventSource[] => {
  const held = known.get(entry)?.deref();
  if (held !== undefined) return held;
  const sources = entry.events().map((event) => eventSource(runId, event));
  known.set(entry, new WeakRef(sources));
  return sources;
};

/** The entry's events after one seq and up to another, plain lines together. @throws CodecError */
export const partsOf = (
  runId: RunId,
  entry: LogEntry,
  after: Seq,
  lastSeq: Seq,
): readonly (EventSource | LinesSource)[] =>
  entry.parts().flatMap((part) => {
    if (!(part instanceof PlainLines)) return clipSource(eventSource(runId, part), after, lastSeq + 1) ?? [];
    const lines = part.between(after, lastSeq);
    return lines === null ? [] : new LinesSource(runId, lines);
  });

/** The event as far as it lies between `after` and `before`, both exclusive; null where it does not. */
export const clipSource = (source: EventSource, after: Seq, before: Seq): EventSource | null => {
  const event = clipBetween(source.event, after, before);
  if (event === source.event) return source;
  return event === null ? null : { ...source, event };
};
