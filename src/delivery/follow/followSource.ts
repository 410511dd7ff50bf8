/**
 * The logs of all runs of a filter as one source. Each run is followed by a viewer of its own, as by runLogBatches. Runs take
 * turns: each delivers what it holds in memory, then the next one does. So memory is bounded, and a slow client gets all.
 */
import { AutoResetEvent } from '../../async/autoResetEvent.ts';
import type { PullSource } from '../../async/pullIterator.ts';
import { LATER } from '../../async/source.ts';
import { BadUserInput, NotFound } from '../../domain/errors.ts';
import type { RunId } from '../../domain/ids.ts';
import { LIMITS } from '../../domain/limits.ts';
import type { RunSummary } from '../../domain/run.ts';
import type { LogHub, LogReader } from '../../log/viewer.ts';
import type { Runs } from '../../runs/records/runs.ts';
import { whenAnswered } from '../changes/runState.ts';
import { fromTail } from '../filteredTail.ts';
import { batchOf, type EventBatch, type LogPiece, type NamedFilter, PieceSource } from '../pieces.ts';
import type { FollowedRun } from './followedRun.ts';
import { type Member, Membership, type MembershipOptions, type Start } from './membership.ts';

export interface FollowedLogs {
  readonly run: RunSummary;
  readonly batch: EventBatch | null;
  readonly change: 'JOINED' | 'WAITING' | 'ENDED' | null;
}

export interface FollowOptions extends Omit<MembershipOptions, 'onChange' | 'runs'> {
  readonly runs: Pick<Runs, 'get' | 'getMarked' | 'page'>;
  readonly hub: LogHub;
  readonly reader: LogReader;
  /** Which events of each log. */
  readonly log: NamedFilter | null;
  /** Lines that a run begins with which started before it was followed. */
  readonly tail: number;
}

/** Runs that hold a page of their log at once, and logs that are being opened at once. */
const READING = 8;
const OPENING = 8;
/** Runs that wait to be followed. */
const MAX_WAITING = 1000;
/** Milliseconds of pieces of which the filter left nothing, before other work has its turn. */
const SLICE_MS = 5;

export class FollowSource implements PullSource<FollowedLogs> {
  readonly #options: FollowOptions;
  readonly #members: Membership;
  readonly #leaving = new AbortController();
  readonly #changed = new AutoResetEvent();
  readonly #followed = new Map<RunId, FollowedRun>();
  /** Runs beyond LIMITS.followedRuns, in the order in which they will be followed. */
  readonly #waiting = new Map<RunId, Member>();
  /** Runs that can be asked for a piece, in the order of their turns. */
  readonly #ready = new Set<FollowedRun>();
  /** Runs that wait for a seat to read a page. */
  readonly #wantPage = new Set<FollowedRun>();
  readonly #told: FollowedLogs[] = [];
  /** Runs were dropped because too many wait: the list is to be read again. */
  #overflow = false;
  #pages = 0;
  #opening = 0;
  #reading = false;
  #failure: { readonly error: unknown } | null = null;

  private constructor(options: FollowOptions) {
    this.#options = options;
    this.#members = new Membership({ ...options, onChange: () => this.#changed.set() });
  }

  /** Resolves when changes of runs are followed; waits while Redis is away. @throws the signal's reason */
  static async open(options: FollowOptions, signal: AbortSignal): Promise<FollowSource> {
    const source = new FollowSource(options);
    await source.#members.open(signal);
    return source;
  }

  async next(signal: AbortSignal): Promise<FollowedLogs | null> {
    let sliceEnds = performance.now() + SLICE_MS;
    for (;;) {
      signal.throwIfAborted();
      if (this.#failure !== null) throw this.#failure.error;
      this.#advance();
      const told = this.#told.shift();
      if (told !== undefined) return told;
      const [run] = this.#ready;
      if (run === undefined) {
        await this.#changed.wait(signal);
        continue;
      }
      const message = await this.#turn(run, signal);
      if (message !== null) return message;
      if (performance.now() < sliceEnds) continue;
      await new Promise<void>((resolve) => setImmediate(resolve));
      sliceEnds = performance.now() + SLICE_MS;
    }
  }

  close(): void {
    this.#leaving.abort();
    this.#members.close();
    for (const { pieces } of this.#followed.values()) pieces?.close();
    this.#followed.clear();
    this.#waiting.clear();
    this.#ready.clear();
    this.#wantPage.clear();
  }

  /** The next message of the run; null if it has none now. @throws what its log throws */
  async #turn(run: FollowedRun, signal: AbortSignal): Promise<FollowedLogs | null> {
    try {
      if (run.failure !== null) throw run.failure.error;
      if (run.pieces === null || (run.until !== null && (run.position ?? -1) >= run.until)) {
        return await this.#end(run, signal);
      }
      const piece = run.pieces.take();
      if (piece === null) return await this.#end(run, signal);
      if (piece === LATER) {
        this.#wait(run, run.pieces);
        return null;
      }
      // The run keeps its turn until nothing of it is held.
      if (!run.pieces.holds) {
        this.#ready.delete(run);
        this.#ready.add(run);
      }
      return this.#messageOf(run, piece);
    } catch (error) {
      if (error instanceof NotFound) return await this.#end(run, signal);
      throw beyondEnd(error);
    }
  }

  #messageOf(followed: FollowedRun, piece: LogPiece): FollowedLogs | null {
    const { run, joined } = followed;
    const batch = batchOf(piece);
    followed.position = piece.lastSeq;
    if (joined && !piece.tellsPosition && batch.events.length === 0) return null;
    followed.joined = true;
    return { run, batch, change: joined ? null : 'JOINED' };
  }

  /** It has ended, was left or was removed. */
  async #end(followed: FollowedRun, signal: AbortSignal): Promise<FollowedLogs> {
    const { id } = followed.run;
    const now = await whenAnswered(() => this.#options.runs.get(id, signal), signal);
    const isLeft = now !== null && !now.closed;
    this.#members.left(id, isLeft ? followed.position : null);
    this.#forget(followed);
    return { run: now ?? followed.run, batch: null, change: 'ENDED' };
  }

  #forget(followed: FollowedRun): void {
    this.#freePage(followed);
    followed.pieces?.close();
    this.#ready.delete(followed);
    this.#wantPage.delete(followed);
    this.#followed.delete(followed.run.id);
  }

  /** Waits for more of the run's log, for a seat first if a page has to be read. */
  #wait(run: FollowedRun, pieces: PieceSource): void {
    this.#freePage(run);
    this.#ready.delete(run);
    if (pieces.reads) {
      if (this.#pages >= READING) {
        this.#wantPage.add(run);
        return;
      }
      this.#pages += 1;
      run.reading = true;
    }
    pieces.more(this.#leaving.signal).then(
      () => this.#wake(run),
      (error: unknown) => {
        run.failure = { error };
        this.#wake(run);
      },
    );
  }

  #freePage(run: FollowedRun): void {
    if (!run.reading) return;
    run.reading = false;
    this.#pages -= 1;
    const [next] = this.#wantPage;
    if (next === undefined) return;
    this.#wantPage.delete(next);
    this.#ready.add(next);
  }

  #wake(run: FollowedRun): void {
    if (this.#followed.get(run.run.id) !== run) return;
    this.#ready.add(run);
    this.#changed.set();
  }

  /** Begins what can be begun: to read changes and the list, and to open logs. Never waits. */
  #advance(): void {
    if (this.#overflow && this.#waiting.size === 0) {
      this.#overflow = false;
      this.#members.gap(this.#followed.keys());
    }
    if (this.#members.takeMissed()) this.#members.gap(this.#followed.keys());
    this.#openSome();
    const hasRoom = this.#waiting.size === 0 && this.#followed.size < LIMITS.followedRuns;
    if (this.#reading || !(this.#members.hasChanges || (this.#members.hasMore && hasRoom))) return;
    this.#reading = true;
    const known = new Set([...this.#followed.keys(), ...this.#waiting.keys()]);
    const { signal } = this.#leaving;
    const read = this.#members.hasChanges ? this.#members.changes(known, signal) : this.#members.more(known, signal);
    read
      .then((members) => {
        for (const member of members) this.#add(member);
      })
      .catch((error: unknown) => {
        this.#failure ??= { error };
      })
      .finally(() => {
        this.#reading = false;
        this.#changed.set();
      });
  }

  #add(member: Member): void {
    const { run, until } = member;
    const followed = this.#followed.get(run.id);
    if (followed !== undefined) {
      followed.run = run;
      followed.until = until;
      if (until !== null && (followed.position ?? -1) >= until) this.#ready.add(followed);
      return;
    }
    // It can have ended or been left while it was read.
    if (this.#members.startOf(run) === null) return;
    const isNew = !this.#waiting.has(run.id);
    if (isNew && this.#waiting.size >= MAX_WAITING) {
      this.#overflow = true;
      return;
    }
    this.#waiting.set(run.id, member);
    if (isNew && this.#followed.size + this.#waiting.size > LIMITS.followedRuns) {
      this.#told.push({ run, batch: null, change: 'WAITING' });
    }
  }

  #openSome(): void {
    for (const [id, member] of this.#waiting) {
      if (this.#opening >= OPENING || this.#followed.size >= LIMITS.followedRuns) return;
      this.#waiting.delete(id);
      const { run, until } = member;
      const start = this.#members.startOf(run);
      if (start === null) continue;
      const followed: FollowedRun = {
        run,
        until,
        pieces: null,
        joined: false,
        position: null,
        reading: false,
        failure: null,
      };
      this.#followed.set(id, followed);
      this.#opening += 1;
      this.#open(followed, start)
        .catch((error: unknown) => {
          followed.failure = { error };
        })
        .finally(() => {
          this.#opening -= 1;
          if (this.#leaving.signal.aborted) followed.pieces?.close();
          else this.#wake(followed);
        });
    }
  }

  async #open(followed: FollowedRun, start: Start): Promise<void> {
    const { id } = followed.run;
    const { hub, reader, log, tail } = this.#options;
    const { signal } = this.#leaving;
    const lines = { selects: lastLines(log), readsMessages: log?.readsMessages ?? false };
    const from =
      start === 'tail'
        ? await whenAnswered(() => fromTail(reader, { runId: id, tail, filter: lines }, signal), signal)
        : start;
    const viewer = await hub.open(id, from, signal);
    followed.pieces = new PieceSource({ runId: id, viewer, filter: log, maxBatch: LIMITS.batchEvents });
  }
}

/** `tail` counts lines, as far as the filter selects them. */
const lastLines =
  (log: NamedFilter | null): NamedFilter['selects'] =>
  (event) =>
    event.kind === 'LogLine' && (log === null || log.selects(event));

const beyondEnd = (error: unknown): unknown =>
  error instanceof BadUserInput ? new BadUserInput('positions', error.message) : error;
