/** Search, and the way from error to error: by the service, in the whole log. */
import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { useClient } from 'urql';
import type { Highlight } from '../../line/highlight.ts';
import type { LogFilter } from '../../line/logEvents.ts';
import { type HitList, hitFrom, listText, NO_HITS, withProgress } from './hitList.ts';
import { type LogQuery, queryOf, type SearchHit, type SearchSource, searchSource } from './runSearches.ts';

export interface SearchChoice {
  readonly text: string;
  readonly regex: boolean;
  readonly caseSensitive: boolean;
}
const NOTHING: SearchChoice = { text: '', regex: false, caseSensitive: false };
/** A search begins when the reader has not typed for so long, ms. */
const PAUSE_MS = 250;
/** Hits in view that are asked for when the list does not have them. */
const IN_VIEW = 200;

interface SearchNeeds {
  readonly runId: string;
  /** The filter that is on: hits are among what is shown. */
  readonly filter: LogFilter;
  /** Where the search begins. */
  readonly from: (forward: boolean) => number;
  readonly onFound: (seq: number) => void;
  readonly lastSeq: number;
  /** First seq of what is loaded. */
  readonly loadedFrom: number;
}
export interface Search {
  readonly choice: SearchChoice;
  readonly setChoice: (choice: SearchChoice) => void;
  /** Where the search is, or that there is nothing. */
  readonly said: string;
  readonly problem: string | null;
  readonly hit: (forward: boolean) => void;
  readonly error: (forward: boolean) => void;
  readonly highlight: Highlight | null;
  readonly hits: readonly SearchHit[];
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** The hits of a query from the start of the log on, then live ones. */
const useHitList = (source: SearchSource, query: LogQuery | null): readonly [HitList, string | null] => {
  const [list, setList] = useState(NO_HITS);
  const [problem, setProblem] = useState<string | null>(null);
  useEffect(() => {
    setList(NO_HITS);
    setProblem(null);
    if (query === null) return;
    let stop = (): void => undefined;
    const begin = (): void => {
      stop = source.follow(query, {
        onProgress: (progress) => setList((now) => withProgress(now, progress)),
        onEnd: (error) => {
          setProblem(error);
          if (error === null) setList((now) => ({ ...now, state: now.state === 'stopped' ? 'stopped' : 'found' }));
        },
      });
    };
    const timer = setTimeout(begin, PAUSE_MS);
    return () => {
      clearTimeout(timer);
      stop();
    };
  }, [source, query]);
  return [list, problem];
};

/** Hits around the reader that are beyond the list: only the service knows where a pattern matches. */
const useHitsInView = (source: SearchSource, query: LogQuery | null, from: number): readonly SearchHit[] => {
  const [hits, setHits] = useState<readonly SearchHit[]>([]);
  useEffect(() => {
    if (query === null) return setHits([]);
    let isOver = false;
    const timer = setTimeout(async () => {
      const found = await source.page(query, from - 1, IN_VIEW).catch(() => []);
      if (!isOver) setHits(found);
    }, PAUSE_MS);
    return () => {
      isOver = true;
      clearTimeout(timer);
    };
  }, [source, query, from]);
  return hits;
};

export const useSearch = ({ runId, filter, from, onFound, lastSeq, loadedFrom }: SearchNeeds): Search => {
  const client = useClient();
  const source = useMemo(() => searchSource(client, runId), [client, runId]);
  const [choice, setChoice] = useState(NOTHING);
  const [at, setAt] = useState<number | null>(null);
  /** What the last step found, where it is no hit of the list. */
  const [step, setStep] = useState<string | null>(null);
  const running = useRef(new AbortController());
  useEffect(() => () => running.current.abort(), []);
  const { text, regex, caseSensitive } = choice;
  const query = useMemo(
    () => (text === '' ? null : queryOf(filter, { text, regex, caseSensitive })),
    [filter, text, regex, caseSensitive],
  );
  const [list, problem] = useHitList(source, query);
  const isBeyond = regex && list.state === 'stopped' && loadedFrom > list.scannedTo - 1;
  const inView = useHitsInView(source, isBeyond ? query : null, loadedFrom);

  const go = useCallback(
    async (what: string, forward: boolean, find: (signal: AbortSignal) => Promise<SearchHit | null>): Promise<void> => {
      running.current.abort();
      running.current = new AbortController();
      const { signal } = running.current;
      setStep('Searching …');
      try {
        const found = await find(signal);
        setStep(found === null ? `No ${what} ${forward ? 'after' : 'before'} this place` : null);
        if (found === null) return;
        setAt(found.event.seq);
        onFound(found.event.seq);
      } catch (error) {
        if (!signal.aborted) setStep(messageOf(error));
      }
    },
    [onFound],
  );
  const hit = (forward: boolean): void => {
    if (query === null) return;
    const known = hitFrom(list, from(forward), forward);
    void go('hit', forward, async (signal) =>
      known === 'unknown' ? await source.next(query, from(forward), forward, signal) : known,
    );
  };
  const error = (forward: boolean): void =>
    void go('error', forward, (signal) =>
      source.next(queryOf({ ...filter, levels: undefined }, { minLevel: 'ERROR' }), from(forward), forward, signal),
    );
  const highlight = useMemo<Highlight | null>(() => {
    if (text === '') return null;
    if (!regex) return { text, caseSensitive, ranges: null };
    return {
      text,
      caseSensitive,
      ranges: new Map([...list.hits, ...inView].map((one) => [one.event.seq, one.ranges])),
    };
  }, [text, regex, caseSensitive, list.hits, inView]);
  return {
    choice,
    setChoice: (next) => {
      setChoice(next);
      setAt(null);
      setStep(null);
    },
    said: step ?? (query === null || problem !== null ? '' : listText(list, at, lastSeq)),
    problem,
    hit,
    error,
    highlight,
    hits: list.hits,
  };
};
