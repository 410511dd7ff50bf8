/** Where the reader is: `/`, `/?run=ID`, with `&seq=`, `&t=`, `&compare=`, and `#L120-L140`. */
import { createStore } from './watchable.ts';

export interface LineRange {
  readonly from: number;
  readonly to: number;
}
export interface Route {
  readonly runId: string | null;
  /** Id of a second run, beside the first. */
  readonly compare: string | null;
  /** Events to show and to mark. */
  readonly seqs: LineRange | null;
  /** Lines of log.txt to show and to mark. */
  readonly lines: LineRange | null;
  readonly time: string | null;
  readonly first: 'error' | null;
}

const rangeOf = (text: string | null | undefined, pattern: RegExp): LineRange | null => {
  const found = pattern.exec(text ?? '');
  if (found === null) return null;
  const from = Number(found[1]);
  const to = Number(found[2] ?? found[1]);
  return { from: Math.min(from, to), to: Math.max(from, to) };
};

export const routeOf = ({ search, hash }: Pick<Location, 'search' | 'hash'>): Route => {
  const query = new URLSearchParams(search);
  return {
    runId: query.get('run'),
    compare: query.get('compare'),
    seqs: rangeOf(query.get('seq'), /^(\d+)(?:-(\d+))?$/),
    lines: rangeOf(hash, /^#L(\d+)(?:-L?(\d+))?$/),
    time: query.get('t'),
    first: query.get('first') === 'error' ? 'error' : null,
  };
};

const rangeText = ({ from, to }: LineRange): string => (from === to ? String(from) : `${from}-${to}`);

/** The address of a route, relative to the viewer. */
export const addressOf = (route: Partial<Route>): string => {
  const query = new URLSearchParams();
  if (route.runId) query.set('run', route.runId);
  if (route.compare) query.set('compare', route.compare);
  if (route.seqs) query.set('seq', rangeText(route.seqs));
  if (route.time) query.set('t', route.time);
  if (route.first) query.set('first', route.first);
  const text = query.toString();
  const hash = route.lines
    ? `#L${route.lines.from}${route.lines.to > route.lines.from ? `-L${route.lines.to}` : ''}`
    : '';
  return `${text === '' ? './' : `./?${text}`}${hash}`;
};

export const route = createStore<Route>(routeOf(location));

export const watchAddress = (): void => {
  const look = (): void => route.set(routeOf(location));
  addEventListener('popstate', look);
  addEventListener('hashchange', look);
};

export const go = (to: Partial<Route>): void => {
  history.pushState(null, '', addressOf(to));
  route.set(routeOf(location));
};
/** Changes the address alone: the page stays as it is. */
export const markAddress = (to: Partial<Route>): void => history.replaceState(null, '', addressOf(to));
