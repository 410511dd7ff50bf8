import type { EpochMs, JsonValue } from '../../src/domain/events.ts';
import { LIMITS } from '../../src/domain/limits.ts';
import { cleanJson, parseJson } from './json/printedJson.ts';
import type { Masks } from './masking/masks.ts';
import type { OutputSink } from './sink.ts';
import type { CommandLine, WorkflowCommand } from './workflowCommand.ts';

/** C0, DEL and C1, which a name must not contain. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: the expression matches control characters
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;

/** The masked value, or why it was not kept. */
type Report = { readonly value: JsonValue } | { readonly tooLarge: string };

/** Workflow commands with JSON: `::output::JSON` and `::event name=checkpoint::JSON`. Both return false if invalid. */
export class Reports {
  readonly #sink: OutputSink;
  readonly #masks: Masks;

  constructor(sink: OutputSink, masks: Masks) {
    this.#sink = sink;
    this.#masks = masks;
  }

  output(command: WorkflowCommand, line: CommandLine, timestamp: EpochMs): boolean {
    const report = this.#read(command, line, LIMITS.outputBytes);
    if (report === null) return false;
    if ('value' in report) this.#sink.event({ kind: 'OutputProduced', timestamp, value: report.value });
    else this.#refuse(`The output was dropped: ${report.tooLarge}`, timestamp);
    return true;
  }

  event(command: WorkflowCommand, line: CommandLine, timestamp: EpochMs): boolean {
    const printed = command.properties.get('name')?.trim() ?? '';
    if (printed === '' || CONTROL.test(printed) || Buffer.byteLength(printed) > LIMITS.eventNameBytes) return false;
    const report = this.#read(command, line, LIMITS.eventDataBytes);
    if (report === null) return false;
    const name = this.#masks.text(printed);
    if ('value' in report) this.#sink.event({ kind: 'CustomEvent', timestamp, name, data: report.value });
    else this.#refuse(`The event "${name}" was dropped: ${report.tooLarge}`, timestamp);
    return true;
  }

  /**
   * Reads the command's JSON. If it is only valid without decoding the escapes of workflow commands (it can contain a
   * "%0A" of its own), it is read so. Null if it is not JSON.
   */
  #read({ text, rawText }: WorkflowCommand, { isWhole }: CommandLine, limit: number): Report | null {
    const advice = `at most ${limit} bytes of JSON are allowed. Write it to a file and report its location.`;
    if (!isWhole) return { tooLarge: `its line is longer than 1 MiB, and ${advice}` };
    for (const json of new Set([text, rawText])) {
      const printed = parseJson(json);
      if (printed === undefined) continue;
      const value = cleanJson(printed, this.#masks);
      const bytes = Buffer.byteLength(JSON.stringify(value));
      return bytes <= limit ? { value } : { tooLarge: `it has ${bytes} bytes, and ${advice}` };
    }
    return null;
  }

  #refuse(message: string, timestamp: EpochMs): void {
    this.#sink.event({ kind: 'LogLine', timestamp, level: 'ERROR', stream: 'SYSTEM', message });
  }
}
