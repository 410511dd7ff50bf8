/** Masks secrets in the output of a command (docs/reference/masking.md). */
import { ESC, endOfSequences, originalsOf, unfinishedLength, withoutSequences } from '../text/ansiSequences.ts';
import { cutAt } from '../text/cut.ts';
import { formsOf } from './forms.ts';
import { Matcher } from './matcher.ts';

const HIDDEN = Buffer.from('***');
const LF = 0x0a;
const CR = 0x0d;
/** What is around a whole line. */
const BREAK = Buffer.of(LF);
/**
 * Bound of all forms together. A run's secrets have at most 256 KiB, in about eight forms. Policy: a value that would
 * exceed it is refused, which the caller reports.
 */
const MAX_FORM_BYTES = 16 * 1024 * 1024;

/**
 * The masks of one attempt, for both pipes. A value is masked from when it was added. Matches that overlap become one
 * `***`, so no part of either secret remains.
 */
export class Masks {
  readonly #matcher = new Matcher();
  /** Forms of one to three bytes, which are too short for the matcher. */
  readonly #short: Buffer[] = [];
  readonly #wholeLines: Buffer[] = [];
  readonly #known = new Set<string>();
  /** Which bytes follow each other in a form. Nearly all sequences divide none of these pairs, so only few lines are stripped. */
  readonly #pairs = new Pairs();
  #formBytes = 0;
  #longest = 0;
  #canLengthen = false;
  #hasNumbers = false;

  constructor(secrets: readonly string[]) {
    for (const secret of secrets) this.#addForms(secret, Number.POSITIVE_INFINITY);
  }

  get empty(): boolean {
    return this.#known.size === 0;
  }
  /** Bytes of the longest form. To find a secret at a cut, so many bytes after the cut must be searched too. */
  get longest(): number {
    return this.#longest;
  }
  /** Masking can make a text longer, because a secret is shorter than `***`. */
  get canLengthen(): boolean {
    return this.#canLengthen;
  }
  /**
   * A value in JSON can contain a secret that the printed line does not contain: a secret is masked only as a whole
   * line, or is a number, which can be written in several ways.
   */
  get needsValues(): boolean {
    return this.#wholeLines.length > 0 || this.#hasNumbers;
  }

  /** Masks the value in all its forms from now on. False if it was refused (MAX_FORM_BYTES). */
  add(value: string): boolean {
    return this.#addForms(value, MAX_FORM_BYTES);
  }

  /** Masks a text. */
  text(text: string): string {
    if (this.empty) return text;
    const bytes = Buffer.from(text);
    const masked = this.bytes(bytes);
    return masked === bytes ? text : masked.toString();
  }

  /** Masks valid UTF-8. Returns the same buffer if nothing matches. Line breaks are never masked. */
  bytes(bytes: Buffer): Buffer {
    const ranges = this.#find(bytes);
    return ranges === null ? bytes : hide(bytes, ranges, bytes.length);
  }

  /** Whether anything in the bytes would be masked. */
  matches(bytes: Buffer): boolean {
    return this.#find(bytes) !== null;
  }

  /** Whether a number contains a secret, as printed or written without an exponent. */
  hidesNumber(printed: string, value: number): boolean {
    if (this.empty) return false;
    if (this.matches(Buffer.from(printed))) return true;
    return this.#hasNumbers && [String(value), digitsOf(printed)].some((text) => this.matches(Buffer.from(text)));
  }

  /**
   * The first `limit` bytes, masked and not cut inside a character: at most `limit` bytes again. `bytes` must contain
   * `longest` more bytes of the text, if there are any, so that a secret at the cut is found.
   */
  head(bytes: Buffer, limit: number): Buffer {
    const end = cutAt(bytes, limit);
    const ranges = this.#find(bytes);
    if (ranges === null) return bytes.subarray(0, end);
    const masked = hide(bytes, ranges, end);
    return masked.subarray(0, cutAt(masked, limit));
  }

  /** Whether the bytes end inside a secret that the next bytes could complete. */
  endsInside(bytes: Buffer): boolean {
    if (!bytes.includes(ESC)) return this.#endInside(bytes);
    // The start of a sequence says nothing yet.
    const whole = bytes.subarray(0, bytes.length - unfinishedLength(bytes));
    return this.#endInside(bytes) || this.#endInside(withoutSequences(whole));
  }

  #endInside(bytes: Buffer): boolean {
    return [...this.#matcher.patterns, ...this.#short].some((pattern) => {
      const first = pattern[0] as number;
      let at = bytes.indexOf(first, Math.max(0, bytes.length - pattern.length + 1));
      while (at >= 0) {
        if (bytes.compare(pattern, 0, bytes.length - at, at) === 0) return true;
        at = bytes.indexOf(first, at + 1);
      }
      return false;
    });
  }

  #addForms(value: string, limit: number): boolean {
    const { anywhere, wholeLines } = formsOf(value);
    const fresh = [...anywhere].filter((form) => !this.#known.has(form)).map((form) => Buffer.from(form));
    // The matcher starts again whenever a shorter form is added.
    fresh.sort((one, other) => one.length - other.length);
    const freshLines = [...wholeLines].filter((line) => !this.#known.has(`\n${line}`)).map((line) => Buffer.from(line));
    const size = [...fresh, ...freshLines].reduce((sum, form) => sum + form.length, 0);
    if (this.#formBytes + size > limit) return false;
    this.#formBytes += size;
    this.#hasNumbers ||= NUMBER.test(value.trim());
    for (const form of fresh) {
      this.#known.add(form.toString());
      this.#pairs.addAll(form);
      this.#canLengthen ||= form.length < HIDDEN.length;
      this.#longest = Math.max(this.#longest, form.length);
      if (form.length < Matcher.minBytes) this.#short.push(form);
      else this.#matcher.add(form);
    }
    for (const line of freshLines) {
      this.#known.add(`\n${line.toString()}`);
      this.#wholeLines.push(line);
      this.#pairs.addAll(Buffer.concat([BREAK, line, BREAK]));
    }
    return true;
  }

  /** Start and end of each match in turn, sorted, without overlaps. Null if there is no match. */
  #find(bytes: Buffer): number[] | null {
    if (this.empty) return null;
    const ranges: number[] = [];
    this.#matcher.find(bytes, ranges);
    const inOrder = ranges.length;
    this.#findShort(bytes, ranges);
    if (bytes.includes(ESC)) this.#findDivided(bytes, ranges);
    return ranges.length === 0 ? null : merge(ranges, ranges.length === inOrder);
  }

  /** Appends the matches of forms that are divided by ANSI sequences. */
  #findDivided(bytes: Buffer, ranges: number[]): void {
    for (let at = bytes.indexOf(ESC); at >= 0; ) {
      const end = endOfSequences(bytes, at);
      const before = at === 0 ? LF : (bytes[at - 1] as number);
      const after = end === bytes.length ? LF : (bytes[end] as number);
      let next = Math.max(end, at + 1);
      if (end > at && this.#pairs.has(before, after)) {
        const lineEnd = bytes.indexOf(LF, end);
        next = lineEnd < 0 ? bytes.length : lineEnd;
        const lineStart = at === 0 ? 0 : bytes.lastIndexOf(LF, at - 1) + 1;
        this.#findStripped(bytes.subarray(lineStart, next), lineStart, ranges);
      }
      at = bytes.indexOf(ESC, next);
    }
  }

  /** Appends the matches in a line without its ANSI sequences. `offset`: where the line begins. */
  #findStripped(line: Buffer, offset: number, ranges: number[]): void {
    const stripped = withoutSequences(line);
    const found: number[] = [];
    this.#matcher.find(stripped, found);
    this.#findShort(stripped, found);
    if (found.length === 0) return;
    // Of a match the last byte is looked for: sequences after it are not part of the match.
    const positions = merge(found, false).map((at, index) => (index % 2 === 0 ? at : at - 1));
    for (const [index, at] of originalsOf(line, positions).entries()) {
      ranges.push(offset + (index % 2 === 0 ? at : at + 1));
    }
  }

  /** Appends the matches of what the matcher can't search. */
  #findShort(bytes: Buffer, ranges: number[]): void {
    for (const form of this.#short) {
      for (let at = bytes.indexOf(form); at >= 0; at = bytes.indexOf(form, at + 1)) ranges.push(at, at + form.length);
    }
    for (const line of this.#wholeLines) {
      for (let at = bytes.indexOf(line); at >= 0; at = bytes.indexOf(line, at + 1)) {
        const end = at + line.length;
        if (isBreak(bytes[at - 1]) && isBreak(bytes[end])) ranges.push(at, end);
      }
    }
  }
}

/** A set of pairs of bytes. */
class Pairs {
  readonly #bits = new Uint8Array(256 * 256);

  /** Adds each two bytes that follow each other. */
  addAll(bytes: Buffer): void {
    for (let at = 1; at < bytes.length; at += 1) {
      this.#bits[((bytes[at - 1] as number) << 8) | (bytes[at] as number)] = 1;
    }
  }

  has(first: number, second: number): boolean {
    return this.#bits[(first << 8) | second] === 1;
  }
}

const NUMBER = /^[+-]?\d[\d.]*(?:e[+-]?\d+)?$/i;
/** Numbers with more characters or a larger exponent are not written without an exponent. */
const MAX_EXPONENT = 400;

/** Writes the number without an exponent: "1250" for "1.25e3". */
const digitsOf = (printed: string): string => {
  if (printed.length > MAX_EXPONENT) return printed;
  const parts = /^[+-]?(\d*)\.?(\d*)e([+-]?\d+)$/i.exec(printed.trim());
  if (parts === null) return printed;
  const [, whole = '', fraction = '', exponent = '0'] = parts;
  const point = whole.length + Number(exponent);
  if (Math.abs(point) > MAX_EXPONENT) return printed;
  const digits = `${'0'.repeat(Math.max(0, -point))}${whole}${fraction}`.padEnd(point, '0');
  return point >= digits.length ? digits : `${digits.slice(0, Math.max(0, point))}.${digits.slice(Math.max(0, point))}`;
};

/** Also true before the start and after the end of the text. */
const isBreak = (byte: number | undefined): boolean => byte === undefined || byte === LF || byte === CR;

const merge = (ranges: readonly number[], inOrder: boolean): number[] => {
  let pairs: number[][] = [];
  for (let at = 0; at < ranges.length; at += 2) pairs.push(ranges.slice(at, at + 2));
  if (!inOrder) pairs = pairs.sort((a, b) => (a[0] as number) - (b[0] as number));
  const merged: number[] = [];
  for (const [start = 0, end = 0] of pairs) {
    const last = merged.length - 1;
    if (last > 0 && start < (merged[last] as number)) merged[last] = Math.max(merged[last] as number, end);
    else merged.push(start, end);
  }
  return merged;
};

/** The bytes up to `until`, with ranges replaced. A range that starts before `until` is replaced as a whole. */
const hide = (bytes: Buffer, ranges: readonly number[], until: number): Buffer => {
  const parts: Buffer[] = [];
  let from = 0;
  for (let at = 0; at < ranges.length && (ranges[at] as number) < until; at += 2) {
    parts.push(bytes.subarray(from, ranges[at]), HIDDEN);
    from = ranges[at + 1] as number;
  }
  if (from < until) parts.push(bytes.subarray(from, until));
  return Buffer.concat(parts);
};
