/** Messages between the bench and a worker of the load client. */

/** Where a viewer connects, and what it asks for. */
export interface Target {
  readonly protocol: 'bare' | 'graphql' | 'sse';
  readonly port: number;
  /** Path of the request. */
  readonly path: string;
  /** Of GraphQL over WebSocket and SSE. */
  readonly query?: string;
  readonly variables?: Readonly<Record<string, unknown>>;
  /** Number of the line before the first one that is due; default 0. */
  readonly afterLine?: number;
  /** Which lines are due, and how often each: see ScanOptions. */
  readonly every?: number;
  readonly copies?: number;
}

export type ToWorker =
  | { readonly kind: 'open'; readonly targets: readonly Target[]; readonly timed: boolean; readonly stalled: boolean }
  /** Answered by `counted`. */
  | { readonly kind: 'count' }
  /** Discards the latencies so far. */
  | { readonly kind: 'time' }
  /** Stops or resumes reading from the sockets. */
  | { readonly kind: 'stall'; readonly stalled: boolean };

export type FromWorker =
  /** All viewers are connected and have subscribed; their local ports. */
  { readonly kind: 'opened'; readonly ports: readonly number[] } | Progress | Counted;

export interface Progress {
  readonly kind: 'progress';
  /** Every viewer of the worker has the lines up to this number. */
  readonly last: number;
  /** Whether every viewer has received something. */
  readonly warm: boolean;
  /** The first fault of a viewer, such as a missed line or a closed socket. */
  readonly fault: string | null;
}

export interface Counted {
  readonly kind: 'counted';
  /** Lines that its viewers received, together. */
  readonly lines: number;
  /** Bytes that its viewers received, together. */
  readonly bytes: number;
  /** The worker's own CPU time so far, microseconds. */
  readonly cpuMicros: number;
  /** Histogram of the latencies, in steps of LATENCY_STEP_MICROS: pairs of step and count. */
  readonly latencies: readonly (readonly [number, number])[];
}

export const LATENCY_STEP_MICROS = 20;
