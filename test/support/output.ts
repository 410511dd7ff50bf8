/** Sends bytes through the output pipeline and collects what its sink gets. */
import { isUtf8 } from 'node:buffer';
import { createOutput, type Output, type OutputOptions } from '../../executor/output/output.ts';
import type { OutputSink, PipeStream } from '../../executor/output/sink.ts';
import type { EpochMs, EventDraft } from '../../src/domain/events.ts';

/** A sink that keeps everything as drafts, and checks what sink.ts promises. */
export class CollectingSink implements OutputSink {
  readonly drafts: EventDraft[] = [];
  plainCalls = 0;

  lines(stream: PipeStream, timestamp: EpochMs, text: Buffer, count: number): void {
    if (!isUtf8(text)) throw new Error('the sink got bytes that are not valid UTF-8');
    const messages = text.toString().split('\n');
    if (messages.pop() !== '' || messages.length !== count)
      throw new Error(`the sink did not get ${count} whole lines`);
    for (const message of messages) this.drafts.push({ kind: 'LogLine', timestamp, level: 'INFO', stream, message });
    this.plainCalls += 1;
  }

  event(draft: EventDraft): void {
    // As the codec does it: nothing may be lost.
    this.drafts.push(JSON.parse(JSON.stringify(draft)) as EventDraft);
  }

  get messages(): string[] {
    return this.drafts.flatMap((draft) => (draft.kind === 'LogLine' ? [draft.message] : []));
  }
}

export const NOW = 1_700_000_000_000;

export const startOutput = (
  options: Partial<Omit<OutputOptions, 'sink'>> = {},
): Output & { readonly sink: CollectingSink } => {
  const sink = new CollectingSink();
  return { ...createOutput({ maxLineBytes: 65_536, secrets: [], ...options, sink }), sink };
};

/** The events of these chunks of standard output, all printed at the same time. */
export const eventsOf = (
  chunks: string | Uint8Array | readonly (string | Uint8Array)[],
  options: Partial<Omit<OutputOptions, 'sink'>> = {},
): EventDraft[] => {
  const { stdout, sink } = startOutput(options);
  const list = typeof chunks === 'string' || chunks instanceof Uint8Array ? [chunks] : chunks;
  for (const chunk of list) stdout.write(Buffer.from(chunk as Uint8Array), NOW);
  stdout.end(NOW);
  return sink.drafts;
};

/** The bytes, split at these places, which may be in any order and beyond the end. */
export const cutAtPlaces = (bytes: Uint8Array, places: readonly number[]): Uint8Array[] => {
  const sorted = [...places, bytes.length].map((place) => Math.min(place, bytes.length)).sort((a, b) => a - b);
  return sorted.map((end, index) => bytes.subarray(index === 0 ? 0 : sorted[index - 1], end));
};

/** Every text in the drafts, including member names. */
export const textsOf = (drafts: readonly EventDraft[]): string[] => {
  const texts: string[] = [];
  const walk = (value: unknown): void => {
    if (typeof value === 'string') texts.push(value);
    else if (typeof value === 'number') texts.push(String(value));
    else if (typeof value === 'object' && value !== null) {
      for (const [name, member] of Object.entries(value)) {
        if (name === 'kind' || name === 'timestamp') continue;
        texts.push(name);
        walk(member);
      }
    }
  };
  walk(drafts);
  return texts;
};
