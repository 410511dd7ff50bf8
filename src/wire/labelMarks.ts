/**
 * Labels as filters compare them: a digest of each, since a run's labels can be 70 kB and a scan looks at thousands of
 * runs. Two labels have the same mark where name and value are the same.
 */
import { createHash } from 'node:crypto';
import type { Label } from '../domain/run.ts';

/** Of SHA-256, 16 bytes in base64url. */
const MARK_CHARACTERS = 22;

const markOf = ({ name, value }: Label): string =>
  createHash('sha256')
    .update(`${Buffer.byteLength(name)} ${name}${value}`)
    .digest('base64url')
    .slice(0, MARK_CHARACTERS);

/** The marks of all of them, one after the other. */
export const marksOf = (labels: readonly Label[]): string => labels.map(markOf).join('');

/** Whether each of the wanted marks is among them. */
export const includesMarks = (marks: string, wanted: string): boolean => {
  for (let at = 0; at < wanted.length; at += MARK_CHARACTERS) {
    const mark = wanted.slice(at, at + MARK_CHARACTERS);
    let found = marks.indexOf(mark);
    while (found >= 0 && found % MARK_CHARACTERS !== 0) found = marks.indexOf(mark, found + 1);
    if (found < 0) return false;
  }
  return true;
};
