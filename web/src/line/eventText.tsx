/** What a row says about an event that is not a line. One case for each type: the set is closed within a major version. */
import { formatBytes, formatDateTime, formatNumber } from '../look/humanText.ts';
import type { LogEvent } from './logEvents.ts';

type Dropped = Extract<LogEvent, { readonly __typename: 'LinesDropped' }>;
const REASONS: Readonly<Record<string, string>> = {
  LOG_LIMIT: 'the log is over its limit, and its middle was removed',
  STORE_LOST: 'the store lost them',
};
const droppedText = ({ count, droppedLines, droppedBytes, reason }: Dropped): string => {
  const lines = droppedLines === null ? `${formatNumber(count)} events` : `${formatNumber(droppedLines)} lines`;
  const size = droppedBytes === null ? '' : ` (${formatBytes(droppedBytes)})`;
  return `${lines}${size} are missing here: ${REASONS[reason] ?? reason}.`;
};

export const eventText = (event: LogEvent): string => {
  switch (event.__typename) {
    case 'LogLine':
      return event.message;
    case 'ProgressUpdated':
      return `${event.label ?? 'Progress'}: ${event.current}${event.total === null ? '' : ` of ${event.total}`} ${event.unit ?? ''}`;
    case 'GroupStarted':
    case 'GroupEnded':
      return event.name;
    case 'OutputProduced':
      return `Output: ${JSON.stringify(event.value)}`;
    case 'CustomEvent':
      return `${event.name}: ${JSON.stringify(event.data)}`;
    case 'ContainerEvent':
      return [event.kind, event.detail].filter(Boolean).join(': ');
    case 'StatusChanged':
      return [event.status, event.detail].filter(Boolean).join(': ');
    case 'LinesDropped':
      return droppedText(event);
    case 'AttemptFinished': {
      const how = event.failure?.message ?? `Exit code ${event.exitCode ?? 'unknown'}.`;
      const next = event.retryAt === null ? '' : ` The next attempt starts at ${formatDateTime(event.retryAt)}.`;
      return `Attempt ${event.attempt} has ended. ${how}${next}`;
    }
    case 'RunFinished':
      return event.message;
  }
};

/** The class that colours the row. */
export const eventClass = (event: LogEvent): string => {
  if (event.__typename === 'LogLine') return `line ${event.stream} ${event.level}`;
  if (event.__typename === 'LinesDropped') return 'note hole';
  if (event.__typename === 'RunFinished') return `note finished ${event.status}`;
  return `note ${event.__typename}`;
};
