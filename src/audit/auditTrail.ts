/** The audit trail: one line of the service's own log, with `audit: true`, for each action that changes something. */
import type { Logger } from 'pino';
import type { Caller } from '../domain/caller.ts';
import type { ErrorCode } from '../domain/errors.ts';

export type AuditAction =
  | 'run.started'
  | 'run.cancelled'
  | 'run.retried'
  | 'run.deleted'
  | 'runToken.created'
  | 'apiToken.created'
  | 'apiToken.revoked'
  | 'auth.refused';

/** Never has a token's text or a secret. */
export interface AuditEntry {
  readonly action: AuditAction;
  /** Who did it; null: nobody was let in. */
  readonly caller: Pick<Caller, 'subject' | 'tenant' | 'apiTokenId'> | null;
  /** Address of the client; behind a proxy, that of the proxy. */
  readonly address: string;
  /** `ok`, or the code of the error that the caller got. */
  readonly outcome: 'ok' | ErrorCode;
  readonly runId?: string;
  /** A repeated startRun: its idempotency key stands for a run that was started before. */
  readonly repeated?: true;
  /** The run that `runId` repeats. */
  readonly retryOf?: string;
  /** Runs of a run token. */
  readonly runIds?: readonly string[];
  /** Id of the API token or run token that the action was about. */
  readonly tokenId?: string;
  /** Why a token was refused. */
  readonly reason?: string;
}

/** Lines about refused tokens in one second. Clients cause them, so more are only counted. */
const REFUSALS_PER_SECOND = 20;

export class AuditTrail {
  readonly #log: Pick<Logger, 'info'>;
  /** Refusals in this second since 1970, written or not. */
  #refusals = { second: 0, count: 0 };

  /** The lines are written whatever LOG_LEVEL is. */
  constructor(logger: Logger) {
    this.#log = logger.child({ audit: true }, { level: 'info' });
  }

  record({ action, caller, ...rest }: AuditEntry): void {
    const by = caller === null ? {} : { subject: caller.subject, tenant: caller.tenant };
    const withToken = caller?.apiTokenId == null ? {} : { byTokenId: caller.apiTokenId };
    this.#log.info({ action, ...by, ...withToken, ...rest }, action);
  }

  /** A token was refused, or none was sent. `reason` has no part of a token. */
  refused(address: string, reason: string): void {
    const second = Math.floor(Date.now() / 1000);
    const { second: last, count } = this.#refusals;
    const unwritten = second === last ? 0 : count - REFUSALS_PER_SECOND;
    if (unwritten > 0) {
      this.#log.info({ action: 'auth.refused', second: last, unwritten }, 'more tokens were refused than are written');
    }
    this.#refusals = { second, count: second === last ? count + 1 : 1 };
    if (this.#refusals.count > REFUSALS_PER_SECOND) return;
    this.record({ action: 'auth.refused', caller: null, address, outcome: 'UNAUTHENTICATED', reason });
  }
}
