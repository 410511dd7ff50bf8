/** What the service counts and measures. The implementation is chosen once, where the service is put together. */

/** Events that are counted since the start of the process. */
export type Counter = 'attemptsStarted' | 'attemptsAdopted';
/** Values that are read when somebody asks for the metrics. */
export type Gauge = 'supervisedRuns' | 'followedLogs';

/** Calls are cheap, never throw, and can come from any place. */
export interface Metrics {
  /** `by`: default 1. */
  count(counter: Counter, by?: number): void;
  /** `read` must be cheap and must not throw. A later call for the same gauge replaces the earlier one. */
  gauge(gauge: Gauge, read: () => number): void;
}

/** Measures nothing: there is no /metrics yet. */
export const NO_METRICS: Metrics = { count: () => undefined, gauge: () => undefined };
