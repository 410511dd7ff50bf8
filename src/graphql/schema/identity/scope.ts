/** Scope. */
import { builder } from '../base/builder.ts';

export const Scope = builder.enumType('Scope', {
  description: 'A permission of a caller. What needs which is in docs/reference/rights.md.',
  values: {
    RUNS_START: { value: 'runs:start', description: 'Start runs and retry them.' },
    RUNS_READ: {
      value: 'runs:read',
      description: 'Read runs and follow their changes, without what they have written.',
    },
    LOGS_READ: { value: 'logs:read', description: 'Read what runs have written: logs, progress and output.' },
    RUNS_CANCEL: { value: 'runs:cancel', description: 'Cancel runs.' },
    RUNS_DELETE: { value: 'runs:delete', description: 'Remove finished runs.' },
    ADMIN: { value: 'admin', description: 'All of these, and API tokens. It is limited to one tenant.' },
  } as const,
});
