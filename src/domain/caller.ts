/** Who asks. A transport makes one caller for each request or socket and passes it to the API and to the runs. Pure. */
import type { RunId } from './ids.ts';

/** What a caller is allowed to do. `admin` includes all the others. */
export type Scope = 'runs:start' | 'runs:read' | 'logs:read' | 'runs:cancel' | 'runs:delete' | 'admin';

export interface Caller {
  /** Who it is, such as a user's or a token's name. */
  readonly subject: string;
  /** Whose runs it works with. */
  readonly tenant: string;
  readonly scopes: ReadonlySet<Scope>;
  /** The only runs that it can see; null: all runs of its tenant. */
  readonly runs: ReadonlySet<RunId> | null;
}

/** Every caller while the service has no authentication. */
export const LOCAL_ADMIN: Caller = { subject: 'local', tenant: 'default', scopes: new Set(['admin']), runs: null };
