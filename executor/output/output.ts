/**
 * From the bytes of a command's two pipes to events. Pure: no clock, no timer, no I/O; the owner reads
 * the pipes, says what time it is and takes the events.
 */

import { Lines } from './lines.ts';
import { Masks } from './masking/masks.ts';
import { PipeReader } from './pipeLines.ts';
import { UTC, type Zone } from './records/zone.ts';
import type { OutputReader, OutputSink } from './sink.ts';
import { Commands } from './workflowCommands.ts';

export interface OutputOptions {
  readonly sink: OutputSink;
  /** Longest message, UTF-8 bytes (MAX_LINE_BYTES); a longer one is cut and truncated. At least 1. */
  readonly maxLineBytes: number;
  /** Values of the run's secret variables. Blank ones are passed over. */
  readonly secrets: readonly string[];
  /** The command's time zone, for the times in its records that name none. Default: UTC. */
  readonly zone?: Zone;
}

/**
 * The output of one attempt. Masks, open groups and stop-commands are shared by the two pipes; each pipe
 * keeps its own order. Calls of the sink happen within the calls of the readers.
 */
export interface Output {
  readonly stdout: OutputReader;
  readonly stderr: OutputReader;
  /** A text of the executor's own, such as a failure's message, with the secrets hidden. */
  mask(text: string): string;
  /** Masks the value from now on, as `::add-mask::` does. False where it was refused: too many already (16 MiB). */
  addMask(value: string): boolean;
}

/** Made once per attempt, before the command starts. */
export const createOutput = ({ sink, maxLineBytes, secrets, zone = UTC }: OutputOptions): Output => {
  const masks = new Masks(secrets);
  const commands = new Commands(sink, masks, maxLineBytes);
  const reader = (stream: 'STDOUT' | 'STDERR'): OutputReader =>
    new PipeReader(new Lines(stream, { sink, masks, commands, maxLineBytes, zone }), masks);
  return {
    stdout: reader('STDOUT'),
    stderr: reader('STDERR'),
    mask: (text) => masks.text(text.toWellFormed()),
    addMask: (value) => masks.add(value),
  };
};
