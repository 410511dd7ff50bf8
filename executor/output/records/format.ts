import type { JsonObject, LogLevel } from '../../../src/domain/events.ts';
import type { Scale } from './level.ts';

/**
 * A row of the table of formats (formats.ts). Paths are names of members. "a.b" is a member of that name, or b in a.
 */
export interface Format {
  readonly name: string;
  /** Programs and libraries that write this format, for the documentation. */
  readonly writers: string;
  /** A record of this format has one of these members. Empty: the format of records that fit no other row. */
  readonly marks: readonly string[];
  /** What else distinguishes it from other formats, in words and as a test. */
  readonly shape?: { readonly words: string; readonly test: (members: JsonObject) => boolean };
  /**
   * The first of the paths with a usable value is the level; the others stay in the fields. So it is for all paths
   * below.
   */
  readonly level: readonly string[];
  /** Meaning of numbers as levels. Default: that of pino and bunyan. "letters": levels are single letters. */
  readonly scale?: Scale | 'letters';
  /** The level of a record without one. */
  readonly defaultLevel?: (members: JsonObject) => LogLevel | null;
  readonly message: readonly string[];
  /** The message as a template with names of members: "{User} logged in". */
  readonly template?: readonly string[];
  readonly time: readonly string[];
  readonly logger: readonly string[];
  /** "error.*" stands for members such as "error.type" and "error.message". */
  readonly exception: readonly string[];
  /** Further members that hold a stack, besides `stack`, `stacktrace`, `stack_trace` and `stackTrace`. */
  readonly stack?: readonly string[];
  /** Members of the record that together form its exception. */
  readonly exceptionParts?: readonly string[];
  /** Objects whose members become fields of the record. */
  readonly spread?: readonly string[];
  /** Members that only repeat others. They do not become fields. */
  readonly repeats?: readonly string[];
}
