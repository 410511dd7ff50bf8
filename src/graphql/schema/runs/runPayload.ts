/** Payloads of mutations that return a run. */
import type { RunSummary } from '../../../domain/run.ts';
import { builder } from '../base/builder.ts';
import { Run } from './runType.ts';

interface RunPayload {
  readonly run: RunSummary;
  /** For the audit trail: it was started by an earlier call. */
  readonly repeated?: boolean;
}

export const runPayload = (name: string, description: string, runDescription: string) =>
  builder.objectRef<RunPayload>(name).implement({
    description,
    fields: (t) => ({ run: t.field({ type: Run, resolve: ({ run }) => run, description: runDescription }) }),
  });
