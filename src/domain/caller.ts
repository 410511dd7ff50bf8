/** Who asks, and what that caller is allowed to do. Pure. */
import type { RunId } from './ids.ts';

export const SCOPES = ['runs:start', 'runs:read', 'logs:read', 'runs:cancel', 'runs:delete', 'admin'] as const;
/** A permission. `admin` includes all the others. */
export type Scope = (typeof SCOPES)[number];

export const isScope = (text: string): text is Scope => SCOPES.some((scope) => scope === text);

/** A transport makes one caller for each request or socket and passes it to the API and to the runs. */
export interface Caller {
  /** Who it is, such as a user's or a token's name. */
  readonly subject: string;
  /** Whose runs it works with. */
  readonly tenant: string;
  readonly scopes: ReadonlySet<Scope>;
  /** The only runs that it can see; null: all runs of its tenant. */
  readonly runs: ReadonlySet<RunId> | null;
  /**
   * The caller whose share of the limits it uses: of a run token that another run token made, the first of these. Missing:
   * its own.
   */
  readonly countedAs?: string;
  /** When its token expires, in ms since 1970; null: never. */
  readonly expiresAt: number | null;
  /** Id of its API token, which can be revoked; null: it has none. */
  readonly apiTokenId: string | null;
}

/** The tenant of callers whose credentials name none: AUTH=none and ADMIN_TOKEN. */
export const DEFAULT_TENANT = 'default';

/** Every caller with AUTH=none. */
export const LOCAL_ADMIN: Caller = {
  subject: 'local',
  tenant: DEFAULT_TENANT,
  scopes: new Set(['admin']),
  runs: null,
  expiresAt: null,
  apiTokenId: null,
};

/** Whether the caller has the permission. */
export const hasScope = ({ scopes }: Caller, scope: Scope): boolean => scopes.has('admin') || scopes.has(scope);

/** Whether the caller is allowed to know that the run exists. To others it is NOT_FOUND. */
export const seesRun = (caller: Caller, run: { readonly id: RunId; readonly tenant: string }): boolean =>
  run.tenant === caller.tenant && (caller.runs === null || caller.runs.has(run.id));

/** The scopes that the caller can hand on: those it has, one by one. */
export const grantableScopes = (caller: Caller): ReadonlySet<Scope> =>
  caller.scopes.has('admin') ? new Set(SCOPES) : caller.scopes;
