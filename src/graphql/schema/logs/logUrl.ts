/** Run.logUrl: a link to download the log without a header. */
import { throwProblems } from '../../../domain/errors.ts';
import { between } from '../../../domain/inputChecks.ts';
import { LIMITS } from '../../../domain/limits.ts';
import { builder } from '../base/builder.ts';
import { Run } from '../runs/runType.ts';

const LogFormat = builder.enumType('LogFormat', {
  description: 'Forms in which a log can be downloaded.',
  values: {
    TXT: { value: 'txt', description: 'log.txt: the lines of the command, as plain text.' },
    NDJSON: { value: 'ndjson', description: 'log.ndjson: every event as one JSON object a line.' },
  } as const,
});

const DEFAULT_SECONDS = 60;

builder.objectField(Run, 'logUrl', (t) =>
  t.field({
    authScopes: { right: 'Run.logUrl' },
    type: 'String',
    args: {
      format: t.arg({ type: LogFormat, required: true, defaultValue: 'txt', description: 'Which file.' }),
      expiresInSeconds: t.arg.int({
        defaultValue: DEFAULT_SECONDS,
        description: `How long a download can be started with it: 1 to ${LIMITS.logLinkSeconds} seconds, and no longer than your token.`,
      }),
    },
    resolve: async (run, { format, expiresInSeconds }, { caller, logLinks }) => {
      throwProblems(between('expiresInSeconds', expiresInSeconds, 1, LIMITS.logLinkSeconds));
      const path = `/runs/${run.id}/log.${format}`;
      return await logLinks.sign(caller, { path, expiresInSeconds: expiresInSeconds ?? DEFAULT_SECONDS });
    },
    description: `Path of its log with a ticket, for what cannot send a header, such as a link in a page. It is valid for this log alone
and for a short time. Other parameters of downloads can be added, such as &download=1.`,
  }),
);
