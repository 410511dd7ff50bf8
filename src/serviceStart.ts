/** What the functions that make the parts of the service have in common. */
import type { Logger } from 'pino';
import type { Config } from './config.ts';
import type { Metrics } from './metrics/metrics.ts';

export interface ServiceOptions {
  readonly config: Config;
  readonly logger: Logger;
  /** Prints a line for the person who starts the service. */
  readonly say: (line: string) => void;
}

export interface Start extends ServiceOptions {
  /** Name of this process, such as in Redis' CLIENT LIST. */
  readonly instance: string;
  /** Each part registers here how it ends. */
  readonly parts: AsyncDisposableStack;
  readonly signal: AbortSignal;
  readonly metrics: Metrics;
}
