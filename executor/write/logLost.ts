import type { AppendCode } from '../../src/wire/append.ts';

/**
 * This executor can't write to the log any more: another writer has it (FENCED), the run is over (CLOSED) or gone
 * (GONE), or Redis lost events that are not kept here (BEHIND).
 */
export class LogLost extends Error {
  override readonly name = 'LogLost';
  readonly code: AppendCode;
  constructor(code: AppendCode) {
    super(`the log is lost: ${code}`);
    this.code = code;
  }
}
