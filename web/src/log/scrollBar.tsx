/**
 * The scroll bar of the whole log. The browser's own would end at 33 million pixels (Chromium), about 1.6 million rows; this
 * one stands for seqs, so it reaches every event of a log of any length.
 */
import { type KeyboardEvent, type PointerEvent, useRef } from 'react';
import { formatNumber } from '../look/humanText.ts';
import type { ScrollMark } from './scrollMarks.ts';

interface ScrollBarProps {
  /** First and last place in view, and the last place of the log. Folded groups take one place. */
  readonly from: number;
  readonly to: number;
  readonly last: number;
  readonly marks: readonly ScrollMark[];
  readonly controls: string;
  readonly onSeek: (place: number) => void;
}

/** The smallest thumb, as a part of the bar. */
const LEAST = 0.04;

export const ScrollBar = ({ from, to, last, marks, controls, onSeek }: ScrollBarProps) => {
  const bar = useRef<HTMLDivElement>(null);
  /** Where the thumb was taken, as a part of the bar; null: it is not held. */
  const held = useRef<number | null>(null);
  const total = Math.max(last, 1);
  const size = Math.min(1, Math.max(LEAST, (to - from + 1) / total));
  const room = Math.max(1, total - (to - from + 1));
  const top = Math.min(1, Math.max(0, (from - 1) / room)) * (1 - size);

  const partAt = (event: PointerEvent): number => {
    const box = bar.current?.getBoundingClientRect();
    return box === undefined ? 0 : (event.clientY - box.top) / box.height;
  };
  const seek = (part: number): void => {
    const at = size >= 1 ? 0 : Math.min(1, Math.max(0, part / (1 - size)));
    onSeek(at >= 1 ? last : Math.max(1, Math.round(1 + at * room)));
  };
  const onPointerDown = (event: PointerEvent<HTMLDivElement>): void => {
    event.currentTarget.setPointerCapture(event.pointerId);
    const part = partAt(event);
    const isThumb = part >= top && part <= top + size;
    held.current = isThumb ? part - top : size / 2;
    if (!isThumb) seek(part - size / 2);
  };
  const onPointerMove = (event: PointerEvent): void => {
    if (held.current !== null) seek(partAt(event) - held.current);
  };
  const release = (): void => {
    held.current = null;
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const step = Math.max(1, Math.round(total / 20));
    const target = { ArrowUp: from - step, ArrowDown: from + step, Home: 1, End: last }[event.key];
    if (target === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    onSeek(Math.min(last, Math.max(1, target)));
  };
  return (
    <div
      ref={bar}
      className="scrollbar"
      role="scrollbar"
      aria-label="Place in the log"
      aria-controls={controls}
      aria-orientation="vertical"
      aria-valuemin={1}
      aria-valuemax={total}
      aria-valuenow={Math.min(Math.max(from, 1), total)}
      aria-valuetext={`Event ${formatNumber(from)} of ${formatNumber(total)}`}
      tabIndex={0}
      onPointerDown={onPointerDown}
      onPointerMove={onPointerMove}
      onPointerUp={release}
      onPointerCancel={release}
      onKeyDown={onKeyDown}
    >
      {marks.map(({ kind, from: start, to: end }, index) => (
        <i
          // biome-ignore lint/suspicious/noArrayIndexKey: two marks can be at one place
          key={index}
          className={kind}
          style={{ top: `${((start - 1) / total) * 100}%`, height: `${((end - start) / total) * 100}%` }}
        />
      ))}
      <div className="thumb" style={{ top: `${top * 100}%`, height: `${size * 100}%` }} />
    </div>
  );
};
