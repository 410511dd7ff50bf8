/**
 * Tells screen readers about new lines: the lines themselves while they are few, else how many there are. At most one text
 * every few seconds, and nothing while the reader has paused it.
 */
import { useEffect, useRef, useState } from 'react';
import { plainText } from '../line/ansiSpans.ts';
import { isError, type LogEvent } from '../line/logEvents.ts';
import { formatNumber } from '../look/humanText.ts';
import { change, settings } from '../look/settings.ts';
import { useStore } from '../look/watchable.ts';

const EVERY_MS = 3000;
/** More new lines than this are counted, not read. */
const FEW = 3;

interface AnnouncerProps {
  readonly rows: readonly LogEvent[];
  readonly lastSeq: number;
  readonly on: boolean;
  readonly ended: boolean;
}

const textOf = (news: readonly LogEvent[]): string => {
  const lines = news.flatMap((event) => (event.__typename === 'LogLine' ? [event] : []));
  if (lines.length <= FEW) return lines.map(({ message }) => plainText(message)).join('\n');
  const errors = lines.filter(isError).length;
  return `${formatNumber(lines.length)} new lines${errors > 0 ? `, ${formatNumber(errors)} errors` : ''}`;
};

export const Announcer = ({ rows, lastSeq, on, ended }: AnnouncerProps) => {
  const { announce } = useStore(settings);
  const [said, setSaid] = useState('');
  const latest = useRef(rows);
  latest.current = rows;
  const told = useRef(lastSeq);
  useEffect(() => {
    if (!on) return;
    told.current = latest.current.at(-1)?.seq ?? 0;
    const timer = setInterval(() => {
      const news = latest.current.filter(({ seq }) => seq > told.current);
      if (news.length === 0) return;
      told.current = news.at(-1)?.seq ?? told.current;
      setSaid(textOf(news));
    }, EVERY_MS);
    return () => clearInterval(timer);
  }, [on]);
  return (
    <>
      <div className="hidden" aria-live="polite">
        {ended ? 'The run has ended.' : said}
      </div>
      <label className="check hint">
        <input type="checkbox" checked={announce} onChange={({ target }) => change({ announce: target.checked })} />
        Read new lines aloud (screen readers)
      </label>
    </>
  );
};
