/** The log of a run, of any length: it opens at its end, follows, scrolls anywhere, folds, filters, finds. */
import { ArrowDownToLine } from 'lucide-react';
import { type RefObject, useId, useMemo, useRef } from 'react';
import type { LogFilter } from '../line/logEvents.ts';
import { useKeys } from '../look/hotkeys.ts';
import { formatNumber } from '../look/humanText.ts';
import type { Route } from '../look/route.ts';
import { settings } from '../look/settings.ts';
import { useSurroundings } from '../look/surroundings.ts';
import { useStore } from '../look/watchable.ts';
import { Announcer } from './announcer.tsx';
import { GroupPath } from './groupPath.tsx';
import { LogRows } from './logRows.tsx';
import { LogToolbar } from './logToolbar.tsx';
import { ScrollBar } from './scrollBar.tsx';
import { scrollMarks } from './scrollMarks.ts';
import { type LogReader, useLogReader } from './useLogReader.ts';
import { positionOf, seqAtPosition } from './window/folds.ts';

interface LogViewProps {
  readonly runId: string;
  readonly route: Route;
  /** Start of the run, for times that count from it. */
  readonly startedAt: string | null;
}

export const LogView = ({ runId, route, startedAt }: LogViewProps) => {
  const box = useRef<HTMLDivElement>(null);
  const field = useRef<HTMLInputElement>(null);
  const id = useId();
  const { label } = useSurroundings();
  const { wrap, times, announce } = useStore(settings);
  const reader = useLogReader(runId, route, box);
  const { log, snapshot, overview, folds, scroll, search, filter, marked } = reader;
  useLogKeys(reader, box, field);
  const digits = String(Math.max(snapshot.lastSeq, scroll.view.to)).length;
  return (
    <section className="logview" aria-label={label}>
      <LogToolbar
        filter={filter}
        onFilter={reader.setFilter}
        overview={overview}
        search={search}
        field={field}
        onFoldAll={overview === null || overview.groups.length === 0 ? null : reader.foldAll}
      />
      <GroupPath overview={overview} seq={scroll.view.from} onSeek={reader.seek} />
      <div className="logframe">
        <div
          ref={box}
          id={id}
          className={`log${wrap ? ' wrap' : ''}`}
          data-digits={Math.max(4, digits)}
          role="log"
          aria-live="off"
          aria-label="Lines"
          aria-busy={snapshot.loading !== null}
          // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must take the focus (WCAG 2.1.1)
          tabIndex={0}
          onScroll={scroll.onScroll}
        >
          <LogRows
            rows={folds.rows}
            times={times}
            startedAt={startedAt}
            highlight={search.highlight}
            marked={marked}
            folds={folds}
            runId={runId}
            onMark={reader.mark}
          />
          <Emptiness loading={snapshot.loading !== null} isEmpty={folds.rows.length === 0} filter={filter} />
        </div>
        <PlaceBar reader={reader} controls={id} />
        {!snapshot.following && (
          <button type="button" className="tofollow" onClick={() => void log.openEnd()}>
            <ArrowDownToLine aria-hidden />
            {snapshot.fresh > 0 ? `${formatNumber(snapshot.fresh)} new lines` : 'To the end'}
          </button>
        )}
      </div>
      {snapshot.error !== null && (
        <p role="alert" className="callout bad">
          The log cannot be read: {snapshot.error}{' '}
          <button type="button" onClick={() => void log.openEnd()}>
            Try again
          </button>
        </p>
      )}
      <Announcer
        rows={snapshot.rows}
        lastSeq={snapshot.lastSeq}
        on={announce && snapshot.following}
        ended={snapshot.ended}
      />
    </section>
  );
};

const useLogKeys = (
  reader: LogReader,
  box: RefObject<HTMLDivElement | null>,
  field: RefObject<HTMLInputElement | null>,
): void => {
  const { log, snapshot, search, seek, foldAll, address } = reader;
  const { href } = useSurroundings();
  const scrollRows = (count: number): void => box.current?.scrollBy({ top: count * 20 });
  useKeys([
    ['/', () => field.current?.focus()],
    ['n', () => search.hit(true)],
    ['N', () => search.hit(false)],
    ['e', () => search.error(true)],
    ['E', () => search.error(false)],
    ['g', () => seek(1)],
    ['G', () => void log.openEnd()],
    ['f', () => (snapshot.following ? log.follow(false) : void log.openEnd())],
    ['j', () => scrollRows(1)],
    ['k', () => scrollRows(-1)],
    ['[', () => foldAll(true)],
    [']', () => foldAll(false)],
    ['c', () => void navigator.clipboard?.writeText(new URL(href(address()), location.href).href)],
  ]);
};

interface PlaceBarProps {
  readonly reader: LogReader;
  readonly controls: string;
}
const PlaceBar = ({ reader, controls }: PlaceBarProps) => {
  const { snapshot, overview, search, scroll, seek } = reader;
  const { folds } = snapshot;
  const hits = useMemo(() => search.hits.map(({ event }) => event.seq), [search.hits]);
  const marks = useMemo(() => scrollMarks(overview, hits, folds), [overview, hits, folds]);
  return (
    <ScrollBar
      from={positionOf(folds, scroll.view.from)}
      to={positionOf(folds, scroll.view.to)}
      last={positionOf(folds, Math.max(snapshot.lastSeq, snapshot.toSeq))}
      marks={marks}
      controls={controls}
      onSeek={(place) => seek(seqAtPosition(folds, place))}
    />
  );
};

interface EmptinessProps {
  readonly loading: boolean;
  readonly isEmpty: boolean;
  readonly filter: LogFilter;
}
const Emptiness = ({ loading, isEmpty, filter }: EmptinessProps) => {
  if (!isEmpty) return null;
  if (loading) return <p className="empty">Loading …</p>;
  return (
    <p className="empty">{Object.keys(filter).length > 0 ? 'No line matches the filter here.' : 'No output yet.'}</p>
  );
};
