/** Reads the engine's progress messages of a pull or a build: one JSON object per line. */
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';

interface Step {
  readonly stream?: string;
  readonly status?: string;
  readonly error?: string;
}

/**
 * Reads the messages to their end. (dockerode's followProgress keeps all of them in memory, and a line that is not JSON
 * throws outside of its promise.) @throws Error with the engine's message where a step failed; the stream's error
 */
export const readSteps = async (stream: NodeJS.ReadableStream, onStep: (text: string) => void): Promise<void> => {
  const input = stream as Readable;
  const lines = createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY });
  // readline does not report an error of its input: it would wait forever.
  const failed = Promise.withResolvers<never>();
  input.once('error', failed.reject);
  failed.promise.catch(() => undefined);
  const walk = async (): Promise<void> => {
    for await (const line of lines) {
      const step = parseStep(line);
      if (step.error !== undefined) throw new Error(step.error);
      onStep((step.stream ?? step.status ?? '').trimEnd());
    }
  };
  try {
    await Promise.race([walk(), failed.promise]);
  } finally {
    lines.close();
    input.destroy();
  }
};

const parseStep = (line: string): Step => {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    return {};
  }
};
