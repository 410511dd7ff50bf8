/** The header Last-Event-ID, with which an EventSource resumes after its connection was lost. */
import type { IncomingMessage } from 'node:http';
import { NOTHING_FOLLOWS } from '../../delivery/sinks/sseSink.ts';
import type { Seq } from '../../domain/events.ts';

/** The largest seq. */
const MAX_SEQ = 2 ** 31 - 1;

export const BAD_EVENT_ID = `Last-Event-ID must be the id of an event that was received, 0 to ${MAX_SEQ}.`;

/** The id of the last event that the client received; null if the header is missing; undefined if it is not valid. */
export const lastEventId = ({ headers }: IncomingMessage): Seq | typeof NOTHING_FOLLOWS | null | undefined => {
  const given = headers['last-event-id'];
  if (given === undefined || given === '') return null;
  if (given === NOTHING_FOLLOWS) return NOTHING_FOLLOWS;
  return typeof given === 'string' && /^\d{1,10}$/.test(given) && Number(given) <= MAX_SEQ ? Number(given) : undefined;
};
