/** What a run is and how it goes: status, failure with advice, facts, progress, output. */
import type { RunPartsFragment } from '../../../schema/generated/graphql.ts';
import { formatBytes, formatDateTime, formatDuration, formatNumber } from '../look/humanText.ts';
import { JsonTree } from '../look/jsonTree.tsx';
import { useNow } from '../look/useNow.ts';
import { isOver } from '../runs/status.tsx';
import { adviceFor } from './failureAdvice.ts';

export const Failure = ({ run: { failure } }: { readonly run: RunPartsFragment }) =>
  failure && (
    <section className="callout bad" aria-label="Failure">
      <strong>{failure.message}</strong> {adviceFor(failure.reason)}
    </section>
  );

export const Progress = ({ run }: { readonly run: RunPartsFragment }) => {
  const { progress } = run;
  if (progress === null || (isOver(run.status) && progress.current === progress.total)) return null;
  const { label, current, total, unit } = progress;
  const amount = `${formatNumber(current)}${total === null ? '' : ` of ${formatNumber(total)}`} ${unit ?? ''}`.trim();
  return (
    <div className="progress">
      <span>{label ?? 'Progress'}</span>
      <progress
        aria-label={label ?? 'Progress'}
        max={total ?? undefined}
        value={total === null ? undefined : current}
      />
      <span className="hint">{amount}</span>
    </div>
  );
};

export const Facts = ({ run }: { readonly run: RunPartsFragment }) => {
  const now = useNow(!isOver(run.status));
  const ran = run.startedAt === null ? null : isOver(run.status) ? run.durationMs : now - Date.parse(run.startedAt);
  const facts: readonly (readonly [name: string, value: string | null])[] = [
    ['Image', run.image],
    ['Command', run.command.join(' ')],
    ['Attempt', run.maxAttempts > 1 ? `${run.attempt} of ${run.maxAttempts}` : null],
    ['Created', formatDateTime(run.createdAt)],
    ['Duration', ran === null ? null : formatDuration(Math.max(0, ran))],
    ['Exit code', run.exitCode === null ? null : String(run.exitCode)],
    ['Log', `${formatNumber(run.lines)} lines, ${formatBytes(run.bytes)}`],
    ['Dropped', run.dropped > 0 ? `${formatNumber(run.dropped)} lines` : null],
  ];
  return (
    <dl className="facts">
      {facts.map(
        ([name, value]) =>
          value !== null && (
            <div key={name} className={name === 'Command' ? 'long' : undefined}>
              <dt>{name}</dt>
              <dd title={value}>{value}</dd>
            </div>
          ),
      )}
      {run.labels.map(({ name, value }) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
};

export const Output = ({ run: { output } }: { readonly run: RunPartsFragment }) =>
  output === null ? null : (
    <section className="output" aria-label="Output">
      <h2>Output</h2>
      <JsonTree value={output} open />
    </section>
  );
