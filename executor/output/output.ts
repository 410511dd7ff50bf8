/** Turns the bytes of a command's two pipes into events. Pure: its owner does the I/O and passes the time. */
import { Lines } from './lines.ts';
import { Masks } from './masking/masks.ts';
import { PipeReader } from './pipeLines.ts';
import { UTC, type Zone } from './records/zone.ts';
import type { OutputReader, OutputSink } from './sink.ts';
import { WorkflowCommands } from './workflowCommands.ts';

export interface OutputOptions {
  readonly sink: OutputSink;
  /**
   * Maximum length of a message in UTF-8 bytes (MAX_LINE_BYTES), at least 1. A longer one is cut and marked truncated.
   */
  readonly maxLineBytes: number;
  /** Values of the run's secret variables. Blank ones are not masked. */
  readonly secrets: readonly string[];
  /** Time zone of the command, for times in its records that have no offset. Default: UTC. */
  readonly zone?: Zone;
}

/**
 * The output of one attempt. Both pipes share masks, open groups and stop-commands. Each pipe keeps its own order. The
 * sink is called during the calls of the readers.
 */
export interface Output {
  readonly stdout: OutputReader;
  readonly stderr: OutputReader;
  /** Masks a text of the executor, such as a failure's message. */
  mask(text: string): string;
  /** Masks the value from now on, as `::add-mask::` does. False if it was refused: all masks together reach 16 MiB. */
  addMask(value: string): boolean;
}

/** Call it once per attempt, before the command starts. */
export const createOutput = ({ sink, maxLineBytes, secrets, zone = UTC }: OutputOptions): Output => {
  const masks = new Masks(secrets);
  const commands = new WorkflowCommands(sink, masks, maxLineBytes);
  const reader = (stream: 'STDOUT' | 'STDERR'): OutputReader =>
    new PipeReader(new Lines(stream, { sink, masks, commands, maxLineBytes, zone }), masks);
  return {
    stdout: reader('STDOUT'),
    stderr: reader('STDERR'),
    mask: (text) => masks.text(text.toWellFormed()),
    addMask: (value) => masks.add(value),
  };
};
