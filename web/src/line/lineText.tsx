/** The text of a line: colours, safe links, highlighted hits. It is only ever text: no HTML is made from it. */
import { createElement, Fragment, memo, type ReactNode } from 'react';
import { spansOf, type TextSpan } from './ansiSpans.ts';
import { type Highlight, rangesIn, type TextRange } from './highlight.ts';

interface LineTextProps {
  readonly message: string;
  readonly seq?: number;
  readonly highlight: Highlight | null;
}

/** http and https alone: no other scheme becomes a link. */
const LINK = /https?:\/\/[^\s<>"'`]+/g;
const TRAILING = /[.,;:!?)\]}]+$/;

/** Parts of a text have no identity but their order. */
const inOrder = (parts: readonly ReactNode[]): ReactNode => createElement(Fragment, null, ...parts);

/** The text from `offset` on with its hits marked. */
const marked = (text: string, offset: number, ranges: readonly TextRange[]): ReactNode => {
  const parts: ReactNode[] = [];
  let at = 0;
  for (const { start, end } of ranges) {
    const [from, to] = [Math.max(start - offset, at), Math.min(end - offset, text.length)];
    if (to <= from) continue;
    parts.push(text.slice(at, from), <mark key={from}>{text.slice(from, to)}</mark>);
    at = to;
  }
  if (parts.length === 0) return text;
  parts.push(text.slice(at));
  return inOrder(parts);
};

const linked = (text: string, offset: number, ranges: readonly TextRange[]): ReactNode => {
  const parts: ReactNode[] = [];
  let at = 0;
  for (const { 0: found, index } of text.matchAll(LINK)) {
    const address = found.replace(TRAILING, '');
    if (URL.parse(address) === null) continue;
    parts.push(marked(text.slice(at, index), offset + at, ranges));
    parts.push(
      <a key={index} href={address} target="_blank" rel="noopener noreferrer nofollow">
        {marked(address, offset + index, ranges)}
      </a>,
    );
    at = index + address.length;
  }
  if (parts.length === 0) return marked(text, offset, ranges);
  parts.push(marked(text.slice(at), offset + at, ranges));
  return inOrder(parts);
};

const Span = ({ span, children }: { readonly span: TextSpan; readonly children: ReactNode }) => {
  const { className, color, background } = span;
  if (className === '' && color === null && background === null) return children;
  return (
    <span className={className} style={{ color: color ?? undefined, backgroundColor: background ?? undefined }}>
      {children}
    </span>
  );
};

export const LineText = memo(({ message, seq = 0, highlight }: LineTextProps) => {
  const spans = spansOf(message);
  const ranges = highlight === null ? [] : rangesIn(highlight, seq, message, spans.map(({ text }) => text).join(''));
  let offset = 0;
  const parts = spans.map((span) => {
    const start = offset;
    offset += span.text.length;
    return (
      // biome-ignore lint/correctness/useJsxKeyInIterable: children by their order
      <Span span={span}>
        {span.text.includes('://') ? linked(span.text, start, ranges) : marked(span.text, start, ranges)}
      </Span>
    );
  });
  return inOrder(parts);
});
LineText.displayName = 'LineText';
