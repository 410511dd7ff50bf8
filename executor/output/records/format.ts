/** What a row of the table of formats says. */
import type { JsonObject, LogLevel } from '../../../src/domain/events.ts';
import type { Scale } from './level.ts';

/** One format of structured records. Paths are names of members; "a.b" means a member of that name, or b within a. */
export interface Format {
  readonly name: string;
  /** Programs and libraries that write it, for the documentation. */
  readonly writers: string;
  /** One of these members must be there. None: the format of all records that no other row knows. */
  readonly marks: readonly string[];
  /** What else tells it from other formats, in words and as a test. */
  readonly shape?: { readonly words: string; readonly test: (members: JsonObject) => boolean };
  /** Of several paths the first one whose value is usable counts, and the others stay in the fields. */
  readonly level: readonly string[];
  /** What numbers mean as levels; by default those of pino and bunyan. "letters": the first letter of the name. */
  readonly scale?: Scale | 'letters';
  /** The level where no member says one. */
  readonly defaultLevel?: (members: JsonObject) => LogLevel | null;
  readonly message: readonly string[];
  /** The message is a template, with members in braces: "{User} logged in". */
  readonly template?: readonly string[];
  readonly time: readonly string[];
  readonly logger: readonly string[];
  /** "error.*" means members such as "error.type" and "error.message". */
  readonly exception: readonly string[];
  /** Where a stack stands besides `stack`, `stacktrace`, `stack_trace`, `stackTrace`. */
  readonly stack?: readonly string[];
  /** Members of the record that together are its exception. */
  readonly exceptionParts?: readonly string[];
  /** Objects whose members stand in the fields as if they were the record's own. */
  readonly spread?: readonly string[];
  /** Members that only repeat what is said elsewhere: no fields. */
  readonly repeats?: readonly string[];
}
