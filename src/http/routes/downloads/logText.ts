/** The text of a log in a download. Plain lines are copied as they are stored, unless each of them has to be looked at. */
import { clipBetween } from '../../../domain/clip.ts';
import { isCommandLine, type RunEvent, type Seq } from '../../../domain/events.ts';
import type { LogFilter } from '../../../domain/filter.ts';
import type { RunId } from '../../../domain/ids.ts';
import { withoutAnsi } from '../../../domain/text/ansi.ts';
import { toDateTime } from '../../../graphql/schema/base/dateTimeScalar.ts';
import type { LogEntry } from '../../../log/viewer.ts';
import { PlainLines } from '../../../wire/plainLines.ts';
import { eventJson } from './eventJson.ts';

export type Format = 'txt' | 'ndjson';

/** How events become text. */
export interface TextForm {
  readonly runId: RunId;
  readonly format: Format;
  /** Null: every event passes. */
  readonly filter: LogFilter | null;
  /** See readsMessages of domain/filter.ts. */
  readonly readsMessages: boolean;
  readonly stripsAnsi: boolean;
  /** Each line of log.txt begins with its instant. */
  readonly hasTimestamps: boolean;
}

export interface SeqRange {
  /** Exclusive. */
  readonly after: Seq;
  /** Inclusive. */
  readonly end: Seq;
}

/** The text of the entry's events in the range, in UTF-8. @throws CodecError */
export const entryText = (entry: LogEntry, { after, end }: SeqRange, form: TextForm): Buffer => {
  const pieces: Buffer[] = [];
  let text = '';
  for (const part of entry.parts()) {
    if (!(part instanceof PlainLines)) {
      const clipped = clipBetween(part, after, end + 1);
      if (clipped !== null) text += eventText(clipped, form);
      continue;
    }
    const lines = part.between(after, end);
    if (lines === null) continue;
    if (!isCopied(form)) {
      for (const event of lines.events()) text += eventText(event, form);
      continue;
    }
    // They differ only in their messages, so all of them pass or none.
    const [sample] = lines.events(1);
    if (sample === undefined || form.filter?.passes(sample) === false) continue;
    pieces.push(Buffer.from(text), lines.bytes());
    text = '';
  }
  pieces.push(Buffer.from(text));
  return Buffer.concat(pieces);
};

/** Whether plain lines are in the response as they are stored. */
const isCopied = ({ format, readsMessages, stripsAnsi, hasTimestamps }: TextForm): boolean =>
  format === 'txt' && !readsMessages && !stripsAnsi && !hasTimestamps;

const eventText = (event: RunEvent, form: TextForm): string => {
  if (form.filter?.passes(event) === false) return '';
  const isLine = event.kind === 'LogLine';
  const shown = isLine && form.stripsAnsi ? { ...event, message: withoutAnsi(event.message) } : event;
  if (form.format === 'ndjson') return `${JSON.stringify(eventJson(form.runId, shown))}\n`;
  if (shown.kind !== 'LogLine' || !isCommandLine(shown)) return '';
  return `${form.hasTimestamps ? `${toDateTime(shown.timestamp)} ` : ''}${shown.message}\n`;
};
