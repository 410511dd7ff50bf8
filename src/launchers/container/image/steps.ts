/** The engine's progress messages of a pull or a build: one JSON object a line. */

import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';

interface Step {
  readonly stream?: string;
  readonly status?: string;
  readonly error?: string;
}

/**
 * Reads them to their end (dockerode's followProgress keeps all of them and throws outside of any
 * promise at a line that is no JSON).
 * @throws Error with the engine's words where a step failed, or what the stream failed with
 */
export const readSteps = async (stream: NodeJS.ReadableStream, onStep: (text: string) => void): Promise<void> => {
  const input = stream as Readable;
  const lines = createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY });
  // readline does not hand on its input's error, and would wait for ever.
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
