/** Makes events of the lines that are records, and hides secrets in them. */
import type { EpochMs, JsonObject, JsonValue, LogLineDraft } from '../../../src/domain/events.ts';
import { cleanJson, parseCutObject, parseJson, readTwiceNamed } from '../json/printedJson.ts';
import type { Masks } from '../masking/masks.ts';
import { cutText } from '../text/cut.ts';
import { isObject, type Place, valueAt, withValue } from './members.ts';
import { parseRecord, type StructuredRecord, withFields } from './record.ts';
import { fitContent } from './shorten.ts';
import type { Clock } from './time.ts';
import type { Zone } from './zone.ts';

const BACKSLASH = 0x5c;
/** Of a lone surrogate, which is no character, JSON has an escape alone. */
const SURROGATE = /\\u[dD][89a-fA-F]/;
const mayHaveSurrogates = (text: string): boolean => text.includes('\\u') && SURROGATE.test(text);

/** What loggers write first, and some write again when an attribute has the same name (slog, zap, zerolog). */
const OFTEN_TWICE = ['level', 'msg', 'message', 'time', 'ts', 'logger'] as const;

const isTwice = (text: string, object: JsonObject, name: string): boolean => {
  if (!Object.hasOwn(object, name)) return false;
  const quoted = `"${name}"`;
  return text.indexOf(quoted, text.indexOf(quoted) + quoted.length) >= 0;
};

export interface PrintedRecord {
  /** From its brace on. */
  readonly text: string;
  /** The line as it was printed; null where it is not in the text as it stands. */
  readonly bytes: Buffer | null;
  /** Longer than MAX_LINE_BYTES. */
  readonly isLong: boolean;
  /** Where only its beginning was kept: its end. Else null. */
  readonly tail: string | null;
}

export class Records {
  readonly #masks: Masks;
  readonly #maxLineBytes: number;
  readonly #zone: Zone;

  constructor(masks: Masks, maxLineBytes: number, zone: Zone) {
    this.#masks = masks;
    this.#maxLineBytes = maxLineBytes;
    this.#zone = zone;
  }

  /** The event that the line is, or null where it is none. */
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
    const twice = OFTEN_TWICE.some((name) => isTwice(text, value, name)) ? readTwiceNamed(text) : null;
    const record = parseRecord(twice?.first ?? value, clock);
    if (record === null) return null;
    if (twice === null) return { record, object: value };
    return { record: withFields(record, twice.again), object: { ...twice.again, ...twice.first } };
  }

  /** Texts without an escape stand in the line as they are: where it has nothing to hide, neither have they. */
  #isClean({ text, bytes, tail }: PrintedRecord): boolean {
    const masks = this.#masks;
    if (masks.empty) return !mayHaveSurrogates(text) && !mayHaveSurrogates(tail ?? '');
    if (bytes === null || tail !== null || masks.needsValues) return false;
    return !bytes.includes(BACKSLASH) && !masks.touches(bytes);
  }

  /** Level and time are what the record says, even where a secret is "info". */
  #cleaned(found: StructuredRecord, object: JsonObject, clock: Clock): StructuredRecord {
    let clean = cleanJson(object, this.#masks) as JsonObject;
    for (const place of [found.levelPlace, found.timePlace]) {
      if (place !== null) clean = withValue(clean, place, valueAt(object, place as Place) ?? null);
    }
    // where a secret is "msg", the members' names are hidden too
    const message = this.#masks.text(found.message.toWellFormed());
    return parseRecord(clean, clock) ?? { ...found, message, logger: null, exception: null, fields: clean };
  }

  #draft(found: StructuredRecord, { isLong, tail }: PrintedRecord, now: EpochMs): LogLineDraft {
    const fitted = isLong ? fitContent(found, this.#maxLineBytes) : { ...found, isCut: false };
    // hiding can make a text longer
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
