/** Whether a line matches a query, and where. Pure. */
import type { RunEvent } from '../../domain/events.ts';
import { logFilter } from '../../domain/filter.ts';
import { LIMITS } from '../../domain/limits.ts';
import type { LogQuery } from '../../domain/logQuery.ts';
import { hasEscape, type TextRange, VisibleText, withoutAnsi } from '../../domain/text/ansi.ts';
import { foldCase } from '../../domain/text/caseFold.ts';
import { textPlace } from '../../domain/text/textSearch.ts';
import { compilePattern } from './pattern.ts';

export interface LineMatcher {
  /** Whether the line matches apart from its message: level, stream, logger, attempt. */
  readonly selects: (event: RunEvent) => boolean;
  /** Whether the message matches. */
  readonly matches: (message: string) => boolean;
  /** Where, in the message as it is: at most LIMITS.searchRanges places, none of them empty, and fewer if they take long. */
  readonly rangesIn: (message: string) => readonly TextRange[];
}

const NOWHERE = (): readonly TextRange[] => [];
const always = (): boolean => true;

/** @throws BadPattern */
export const lineMatcher = (query: LogQuery): LineMatcher => {
  const { text, regex, exclude, caseSensitive, ...conditions } = query;
  const filter = logFilter(conditions, 'query');
  const sensitive = caseSensitive === true;
  const wanted = text ? (regex ? patternIn(text, sensitive) : textIn(text, sensitive)) : null;
  const isExcluded = exclude ? textIn(exclude, sensitive).matches : null;
  const { matches = always, rangesIn = NOWHERE } = wanted ?? {};
  return {
    selects: filter?.selects ?? always,
    matches: isExcluded === null ? matches : (message) => matches(message) && !isExcluded(message),
    rangesIn,
  };
};

type InMessage = Pick<LineMatcher, 'matches' | 'rangesIn'>;

/** A text with an escape sequence is searched in the message as it is. */
const textIn = (text: string, caseSensitive: boolean): InMessage => {
  const fold = caseSensitive ? (one: string) => one : foldCase;
  const needle = fold(text);
  const place = textPlace(needle);
  function* places(message: string): Generator<TextRange> {
    for (let at = place(message, 0); at >= 0; at = place(message, at + needle.length)) {
      yield { start: at, end: at + needle.length };
    }
  }
  const shown = hasEscape(text) ? (message: string) => message : withoutAnsi;
  return {
    matches: (message) => place(fold(shown(message)), 0) >= 0,
    rangesIn: (message) => {
      const visible = hasEscape(text) ? null : new VisibleText(message);
      return collect(visible, places(fold(visible?.text ?? message)));
    },
  };
};

/** Steps of a pattern in one message to find its places: characters times the size of the pattern. About half a second. */
const PLACE_STEPS = 10_000_000;

const patternIn = (text: string, caseSensitive: boolean): InMessage => {
  const pattern = compilePattern(text, caseSensitive);
  function* places(message: string): Generator<TextRange> {
    const matcher = pattern.matcher(message);
    let steps = message.length * pattern.programSize();
    while (steps <= PLACE_STEPS && matcher.find()) {
      yield { start: matcher.start(), end: matcher.end() };
      steps += (message.length - matcher.end()) * pattern.programSize();
    }
  }
  return {
    matches: (message) => pattern.test(withoutAnsi(message)),
    rangesIn: (message) => {
      const visible = new VisibleText(message);
      return collect(visible, places(visible.text));
    },
  };
};

/** Ranges of the visible text, or of the message itself, as ranges of the message. */
const collect = (visible: VisibleText | null, places: Iterable<TextRange>): readonly TextRange[] => {
  const ranges: TextRange[] = [];
  for (const range of places) {
    if (range.end > range.start) ranges.push(visible?.original(range) ?? range);
    if (ranges.length === LIMITS.searchRanges) break;
  }
  return ranges;
};
