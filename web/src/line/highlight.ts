/** Where the hits of a search are in the text of a line as it is shown. Pure. */
import { plainLength } from './ansiSpans.ts';

export interface TextRange {
  readonly start: number;
  readonly end: number;
}
export interface Highlight {
  readonly text: string;
  readonly caseSensitive: boolean;
  /** Where a pattern matches, by seq, in UTF-16 units of the message as it was printed. Null: `text` is no pattern. */
  readonly ranges: ReadonlyMap<number, readonly TextRange[]> | null;
}

const MOST_RANGES = 200;

const rangesOfText = (shown: string, { text, caseSensitive }: Highlight): readonly TextRange[] => {
  const [inText, needle] = caseSensitive ? [shown, text] : [shown.toLowerCase(), text.toLowerCase()];
  // Where lower case changes the length, positions would be wrong: better no highlight.
  if (inText.length !== shown.length) return [];
  const ranges: TextRange[] = [];
  for (
    let at = inText.indexOf(needle);
    at >= 0 && ranges.length < MOST_RANGES;
    at = inText.indexOf(needle, at + needle.length)
  ) {
    ranges.push({ start: at, end: at + needle.length });
  }
  return ranges;
};

/** @param shown the text without ANSI sequences, as it is shown */
export const rangesIn = (
  highlight: Highlight | null,
  seq: number,
  message: string,
  shown: string,
): readonly TextRange[] => {
  if (highlight === null || highlight.text === '') return [];
  if (highlight.ranges === null) return rangesOfText(shown, highlight);
  return (highlight.ranges.get(seq) ?? []).flatMap(({ start, end }) => {
    const [from, to] = [plainLength(message, start), plainLength(message, end)];
    return to > from ? [{ start: from, end: to }] : [];
  });
};
