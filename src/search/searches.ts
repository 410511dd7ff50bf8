/** Searches in logs: what all of a process share. */
import type { Logger } from 'pino';
import { throwProblems } from '../domain/errors.ts';
import { type LogQuery, queryProblems } from '../domain/logQuery.ts';
import type { LogReader } from '../log/viewer.ts';
import { CallerTurns } from './callerTurns.ts';
import { type ScanRequest, type ScanStep, scanLog } from './logScan.ts';
import { ScanPool } from './scanPool.ts';

export class Searches implements AsyncDisposable {
  /** Scans entries of logs. */
  readonly pool: ScanPool;
  readonly turns = new CallerTurns();

  constructor(logger: Pick<Logger, 'warn'>) {
    this.pool = new ScanPool(logger);
  }

  /** Threads that run at present. */
  get threads(): number {
    return this.pool.running;
  }

  /** @throws BadUserInput, also for a regular expression that is not valid */
  async check(query: LogQuery): Promise<void> {
    throwProblems(queryProblems(query, 'query'));
    if (!query.regex || !query.text) return;
    const nothing = { bytes: new Uint8Array(0), ends: [], isBackward: false, after: 0, before: 0, most: 1 };
    await this.pool.scan({ query, ...nothing });
  }

  /** See scanLog. */
  scan(reader: LogReader, request: ScanRequest, room: () => number, signal: AbortSignal): AsyncGenerator<ScanStep> {
    return scanLog({ reader, pool: this.pool }, request, room, signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.pool[Symbol.asyncDispose]();
  }
}
