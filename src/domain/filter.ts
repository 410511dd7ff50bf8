/** Which events a viewer wants (contract.graphql, LogFilter). Pure: checked once, then one call per event. */
import { BadUserInput } from './errors.ts';
import { EVENT_KINDS, type EventKind, LOG_LEVELS, type LogLevel, type LogStream, type RunEvent } from './events.ts';
import { LIMITS } from './limits.ts';

/** As the API has it; null and an empty list say the same as a member that is missing. */
export interface LogFilterInput {
  readonly minLevel?: LogLevel | null | undefined;
  readonly streams?: readonly LogStream[] | null | undefined;
  readonly contains?: string | null | undefined;
  readonly attempt?: number | null | undefined;
  readonly types?: readonly string[] | null | undefined;
}

/** Whether the event passes. `null` in place of a filter means that everything passes. */
export type LogFilter = (event: RunEvent) => boolean;

/** Whether the filter looks at messages: if not, lines that share all else pass together or not at all. */
export const readsMessages = (input: LogFilterInput | null | undefined): boolean => Boolean(input?.contains);

const isEventKind = (name: string): name is EventKind => (EVENT_KINDS as readonly string[]).includes(name);

/**
 * The filter as a function, or null where it takes nothing out. minLevel, streams and contains apply to
 * LogLine alone, attempt and types to every event but LinesDropped, which nothing takes out.
 * @param path of the filter among the arguments, such as "filter"
 * @throws BadUserInput: an unknown type's name, an attempt below 1, a text over LIMITS.containsBytes
 */
export const logFilter = (input: LogFilterInput | null | undefined, path: string): LogFilter | null => {
  const { minLevel, streams, contains, attempt, types } = input ?? {};
  types?.forEach((name, index) => {
    if (!isEventKind(name)) throw new BadUserInput(`${path}.types.${index}`, 'There is no such event type.');
  });
  if (attempt != null && attempt < 1) throw new BadUserInput(`${path}.attempt`, 'An attempt is 1 or more.');
  if (contains != null && Buffer.byteLength(contains) > LIMITS.containsBytes) {
    throw new BadUserInput(`${path}.contains`, `At most ${LIMITS.containsBytes} bytes.`);
  }
  const wantedTypes = types?.length ? new Set<string>(types) : null;
  const wantedStreams = streams?.length ? new Set(streams) : null;
  const lowest = minLevel ? LOG_LEVELS.indexOf(minLevel) : 0;
  const needle = contains ? contains.toLowerCase() : null;
  if (wantedTypes === null && wantedStreams === null && lowest === 0 && needle === null && attempt == null) return null;

  return (event) => {
    if (event.kind === 'LinesDropped') return true;
    if (attempt != null && event.attempt !== attempt) return false;
    if (wantedTypes !== null && !wantedTypes.has(event.kind)) return false;
    if (event.kind !== 'LogLine') return true;
    if (lowest > 0 && LOG_LEVELS.indexOf(event.level) < lowest) return false;
    if (wantedStreams !== null && !wantedStreams.has(event.stream)) return false;
    return needle === null || event.message.toLowerCase().includes(needle);
  };
};
