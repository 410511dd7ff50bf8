/**
 * Marks of labels, for filters: a digest of each label. A run's labels can be 70 kB, and a scan looks at thousands of runs.
 * Labels with the same name and value have the same mark.
 */
import { createHash } from 'node:crypto';
import type { Label } from '../domain/run.ts';

/** 16 bytes of SHA-256 in base64url. */
const MARK_CHARACTERS = 22;

const markOf = ({ name, value }: Label): string =>
  createHash('sha256')
    .update(`${Buffer.byteLength(name)} ${name}${value}`)
    .digest('base64url')
    .slice(0, MARK_CHARACTERS);

/** The marks of all labels, joined. */
export const marksOf = (labels: readonly Label[]): string => labels.map(markOf).join('');

/** Whether `marks` contains each of the wanted marks. */
export const includesMarks = (marks: string, wanted: string): boolean => {
  for (let at = 0; at < wanted.length; at += MARK_CHARACTERS) {
    const mark = wanted.slice(at, at + MARK_CHARACTERS);
    let found = marks.indexOf(mark);
    while (found >= 0 && found % MARK_CHARACTERS !== 0) found = marks.indexOf(mark, found + 1);
    if (found < 0) return false;
  }
  return true;
};
