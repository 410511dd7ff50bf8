/** Next and previous hit, next and previous error: found by the service, in the whole log. */
import { useCallback, useEffect, useRef, useState } from 'react';
import type { LogFilter } from '../../line/logEvents.ts';
import { formatNumber } from '../../look/humanText.ts';
import type { LogSource } from '../window/logSource.ts';
import { findLine } from './findLine.ts';

interface FoundMark {
  readonly seq: number;
  readonly kind: 'hit' | 'error';
}

interface FindNeeds {
  readonly source: LogSource;
  /** The filter that is on: hits are among what is shown. */
  readonly filter: LogFilter;
  /** Where the search begins. */
  readonly from: (forward: boolean) => number;
  readonly onFound: (seq: number) => void;
}
export interface Find {
  readonly text: string;
  readonly setText: (text: string) => void;
  readonly said: string;
  readonly hit: (forward: boolean) => void;
  readonly error: (forward: boolean) => void;
  readonly marks: readonly FoundMark[];
}

export const useFind = ({ source, filter, from, onFound }: FindNeeds): Find => {
  const [text, setText] = useState('');
  const [said, setSaid] = useState('');
  const [marks, setMarks] = useState<readonly FoundMark[]>([]);
  const running = useRef(new AbortController());
  useEffect(() => () => running.current.abort(), []);

  const find = useCallback(
    async (kind: FoundMark['kind'], part: LogFilter, forward: boolean): Promise<void> => {
      running.current.abort();
      running.current = new AbortController();
      const { signal } = running.current;
      setSaid('Searching …');
      try {
        const found = await findLine({ source, from: from(forward), forward, filter: { ...filter, ...part }, signal });
        const what = kind === 'error' ? 'error' : 'hit';
        if (found === null) return setSaid(forward ? `No ${what} after this place` : `No ${what} before this place`);
        setSaid(`${what === 'error' ? 'Error' : 'Hit'} at event ${formatNumber(found.seq)}`);
        setMarks((now) => [...now.filter(({ seq }) => seq !== found.seq), { seq: found.seq, kind }].slice(-200));
        onFound(found.seq);
      } catch (error) {
        if (!signal.aborted) setSaid(error instanceof Error ? error.message : String(error));
      }
    },
    [source, filter, from, onFound],
  );
  return {
    text,
    said,
    marks,
    setText: (next) => {
      setText(next);
      setSaid('');
      setMarks((now) => now.filter(({ kind }) => kind === 'error'));
    },
    hit: (forward) => {
      if (text !== '') void find('hit', { contains: text }, forward);
    },
    error: (forward) => void find('error', { minLevel: 'ERROR' }, forward),
  };
};
