import type { EpochMs, JsonObject, JsonValue, LogLineDraft } from '../../../src/domain/events.ts';
import { cleanJson, parseCutObject, parseJson, readRepeatedMembers } from '../json/printedJson.ts';
import type { Masks } from '../masking/masks.ts';
import { cutText } from '../text/cut.ts';
import { isObject, valueAt, withValue } from './members.ts';
import { parseRecord, type StructuredRecord, withFields } from './record.ts';
import { shortenContent } from './shorten.ts';
import type { Clock } from './time.ts';
import type { Zone } from './zone.ts';

const BACKSLASH = 0x5c;
/** JSON can only contain a lone surrogate, which is not a character, as an escape. */
const SURROGATE = /\\u[dD][89a-fA-F]/;
const mayHaveSurrogates = (text: string): boolean => text.includes('\\u') && SURROGATE.test(text);

/** Loggers write these first. Some repeat a name that an attribute has too (slog, zap, zerolog). */
const OFTEN_TWICE = ['level', 'msg', 'message', 'time', 'ts', 'logger'] as const;

const isTwice = (text: string, object: JsonObject, name: string): boolean => {
  if (!Object.hasOwn(object, name)) return false;
  const quoted = `"${name}"`;
  return text.indexOf(quoted, text.indexOf(quoted) + quoted.length) >= 0;
};

export interface PrintedRecord {
  /** The line from its brace on. */
  readonly text: string;
  /** The printed line. Null if `text` is not part of it, because colours were removed. */
  readonly bytes: Buffer | null;
  /** Longer than MAX_LINE_BYTES. */
  readonly isLong: boolean;
  /** The end of a line of which only beginning and end were kept. Else null. */
  readonly tail: string | null;
}

/** Reads the records of one pipe and masks them. */
export class Records {
  readonly #masks: Masks;
  readonly #maxLineBytes: number;
  readonly #zone: Zone;

  constructor(masks: Masks, maxLineBytes: number, zone: Zone) {
    this.#masks = masks;
    this.#maxLineBytes = maxLineBytes;
    this.#zone = zone;
  }

  /** The event of the line. Null if it is not a record. */
  read(line: PrintedRecord, now: EpochMs): LogLineDraft | null {
    const { text, tail } = line;
    if (!(tail ?? text).trimEnd().endsWith('}')) return null;
    const value = tail === null ? parseJson(text) : parseCutObject(text, tail);
    if (value === undefined) return null;
    const clock: Clock = { zone: this.#zone, now };
    const found = this.#find(text, value, clock);
    if (found === null) return null;
    const { record, object } = found;
    return this.#draft(this.#isClean(line) ? record : this.#cleaned(record, object, clock), line, now);
  }

  #find(text: string, value: JsonValue, clock: Clock): { record: StructuredRecord; object: JsonObject } | null {
    if (!isObject(value)) return null;
    const twice = OFTEN_TWICE.some((name) => isTwice(text, value, name)) ? readRepeatedMembers(text) : null;
    const record = parseRecord(twice?.first ?? value, clock);
    if (record === null) return null;
    if (twice === null) return { record, object: value };
    return { record: withFields(record, twice.again), object: { ...twice.again, ...twice.first } };
  }

  /** Without escapes a record's texts are parts of the line: if nothing in the line is masked, nothing in them is. */
  #isClean({ text, bytes, tail }: PrintedRecord): boolean {
    const masks = this.#masks;
    if (masks.empty) return !mayHaveSurrogates(text) && !mayHaveSurrogates(tail ?? '');
    if (bytes === null || tail !== null || masks.needsValues) return false;
    return !bytes.includes(BACKSLASH) && !masks.matches(bytes);
  }

  /** Level and time are kept, even if a secret is "info". */
  #cleaned(found: StructuredRecord, object: JsonObject, clock: Clock): StructuredRecord {
    let clean = cleanJson(object, this.#masks) as JsonObject;
    for (const place of [found.levelPath, found.timePath]) {
      if (place !== null) clean = withValue(clean, place, valueAt(object, place) ?? null);
    }
    // If a secret is "msg", the names of members are masked too.
    const message = this.#masks.text(found.message.toWellFormed());
    return parseRecord(clean, clock) ?? { ...found, message, logger: null, exception: null, fields: clean };
  }

  #draft(found: StructuredRecord, { isLong, tail }: PrintedRecord, now: EpochMs): LogLineDraft {
    const fitted = isLong ? shortenContent(found, this.#maxLineBytes) : { ...found, isCut: false };
    // Masking can make a text longer.
    const message = cutText(fitted.message, this.#maxLineBytes);
    const { logger, exception, fields } = fitted;
    const isCut = tail !== null || fitted.isCut || message.length < fitted.message.length;
    return {
      kind: 'LogLine',
      timestamp: found.timestamp ?? now,
      level: found.level,
      stream: 'LOGGER',
      message,
      ...(logger === null ? {} : { logger }),
      ...(fields === null ? {} : { fields }),
      ...(exception === null ? {} : { exception }),
      ...(isCut ? { truncated: true } : {}),
    };
  }
}
