/** The positions of a subscription to `logs` in the logs of its runs, and which events of a result are new there. Pure. */
import type { LogEvent } from './position.ts';

/** A value of `logs`. */
interface Followed {
  readonly change?: string | null;
  readonly run?: { readonly id?: string } | null;
  readonly batch?: {
    readonly runId?: string;
    readonly lastSeq?: number;
    readonly events?: readonly LogEvent[];
  } | null;
}

/** Positions that the service takes. */
const MOST = 500;
/** How far the clocks of client and service can differ, ms. */
const CLOCKS_MS = 60_000;

export interface Positions {
  /** Whether a batch has arrived. */
  readonly areKnown: () => boolean;
  /** What the variables of the next try must have. */
  readonly variables: () => Readonly<Record<string, unknown>>;
  /** The value without repeated events; null if nothing is left. `moved`: a position has advanced. */
  readonly take: (value: Followed) => { readonly value: Followed | null; readonly moved: boolean };
}

/** Whether it is a value of `logs`: it names its run and has a batch or a change. */
export const isFollowed = (value: object): value is Followed =>
  ('batch' in value || 'change' in value) && ('run' in value || 'batch' in value);

/** @param given the variable `positions` @param since the variable `since` */
export const createPositions = (given: unknown, since: unknown): Positions => {
  const last = new Map<string, number>();
  const ended = new Set<string>();
  const begin = since ?? new Date(Date.now() - CLOCKS_MS).toISOString();
  for (const { runId, after } of Array.isArray(given) ? (given as { runId: string; after: number }[]) : []) {
    last.set(runId, after);
  }
  return {
    areKnown: () => last.size > 0,
    variables: () => {
      const open = [...last.keys()].filter((id) => !ended.has(id));
      // The newest ended ones: events of others that come again are dropped here.
      const sent = [...open, ...[...ended].reverse()].slice(0, MOST);
      return { since: begin, positions: sent.map((runId) => ({ runId, after: last.get(runId) ?? 0 })) };
    },
    take: (value) => {
      const { batch, change } = value;
      const id = value.run?.id ?? batch?.runId;
      if (id === undefined) return { value, moved: false };
      if (change === 'ENDED' && last.has(id)) ended.add(id);
      if (change === 'JOINED') ended.delete(id);
      const events = batch?.events ?? [];
      const seq = batch?.lastSeq ?? events.at(-1)?.seq;
      if (seq === undefined) return { value, moved: false };
      const before = last.get(id) ?? -1;
      const unseen = events.filter((event) => event.seq === undefined || event.seq > before);
      const moved = seq > before;
      if (moved) last.set(id, seq);
      if (unseen.length === events.length) return { value, moved };
      if (unseen.length === 0 && change == null) return { value: null, moved };
      return { value: { ...value, batch: { ...batch, events: unseen } }, moved };
    },
  };
};
