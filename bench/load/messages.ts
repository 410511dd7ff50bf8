/** What the bench and a load worker tell each other. */

/** Where viewers connect, and what they ask for there. */
export interface Target {
  readonly protocol: 'bare' | 'graphql' | 'sse';
  readonly port: number;
  /** Path of the request. */
  readonly path: string;
  /** Of GraphQL over WebSocket and SSE. */
  readonly query?: string;
  readonly variables?: Readonly<Record<string, unknown>>;
  /** Number of the line before the first one that is to come; default 0. */
  readonly afterLine?: number;
  /** Which lines are due, and how often each: see ScanOptions. */
  readonly every?: number;
  readonly copies?: number;
}

export type ToWorker =
  | { readonly kind: 'open'; readonly targets: readonly Target[]; readonly timed: boolean; readonly stalled: boolean }
  /** Answered by `counted`. */
  | { readonly kind: 'count' }
  /** From now on latencies count; those so far are forgotten. */
  | { readonly kind: 'time' }
  /** Stops, or starts again, reading from the sockets. */
  | { readonly kind: 'stall'; readonly stalled: boolean };

export type FromWorker =
  /** All sockets are open and asked; their own ports. */
  { readonly kind: 'opened'; readonly ports: readonly number[] } | Progress | Counted;

export interface Progress {
  readonly kind: 'progress';
  /** Number of the newest line that every viewer of the worker has. */
  readonly last: number;
  /** Whether every viewer has had something. */
  readonly warm: boolean;
  /** The first fault of a viewer: a line missed, or the socket closed. */
  readonly fault: string | null;
}

export interface Counted {
  readonly kind: 'counted';
  /** Lines that its viewers got, together. */
  readonly lines: number;
  /** Payload bytes likewise. */
  readonly bytes: number;
  /** The worker's own CPU time so far, microseconds. */
  readonly cpuMicros: number;
  /** Latencies in steps of LATENCY_STEP_MICROS: pairs of step and count. */
  readonly latencies: readonly (readonly [number, number])[];
}

export const LATENCY_STEP_MICROS = 20;
