/** Which runs the list shows. All of it is filtered by the service. */
import { type RefObject, useState } from 'react';
import type { LabelInput, RunStatus } from '../../../schema/generated/graphql.ts';

export interface RunsChoice {
  readonly status: readonly RunStatus[];
  readonly labels: readonly LabelInput[];
  readonly text: string;
}
export const ALL_RUNS: RunsChoice = { status: [], labels: [], text: '' };
export const STATUSES: readonly RunStatus[] = ['PENDING', 'STARTING', 'RUNNING', 'COMPLETED', 'FAILED', 'CANCELLED'];

/** `team=web, nightly=1` as labels; a part without `=` is ignored. */
export const labelsOf = (text: string): readonly LabelInput[] =>
  text.split(',').flatMap((part) => {
    const at = part.indexOf('=');
    return at > 0 ? [{ name: part.slice(0, at).trim(), value: part.slice(at + 1).trim() }] : [];
  });

interface RunsFilterProps {
  readonly choice: RunsChoice;
  readonly onChange: (choice: RunsChoice) => void;
  readonly field: RefObject<HTMLInputElement | null>;
}

export const RunsFilter = ({ choice, onChange, field }: RunsFilterProps) => {
  const [labels, setLabels] = useState(choice.labels.map(({ name, value }) => `${name}=${value}`).join(', '));
  // Only a change: the list would be read again, and a click on one of its buttons would be lost.
  const applyLabels = (): void => {
    const next = labelsOf(labels);
    if (JSON.stringify(next) !== JSON.stringify(choice.labels)) onChange({ ...choice, labels: next });
  };
  const toggle = (status: RunStatus): void => {
    const has = choice.status.includes(status);
    onChange({ ...choice, status: has ? choice.status.filter((one) => one !== status) : [...choice.status, status] });
  };
  return (
    <search className="filters">
      <input
        ref={field}
        type="search"
        aria-label="Filter the runs"
        placeholder="Name, command, label, image or id"
        value={choice.text}
        onChange={(event) => onChange({ ...choice, text: event.target.value })}
      />
      <input
        type="search"
        aria-label="Labels"
        placeholder="label=value, …"
        value={labels}
        onChange={(event) => setLabels(event.target.value)}
        onBlur={applyLabels}
        onKeyDown={(event) => {
          if (event.key === 'Enter') applyLabels();
        }}
      />
      <fieldset className="chips">
        <legend className="hidden">Status</legend>
        {STATUSES.map((status) => (
          <label key={status} className={`chip ${status}`}>
            <input type="checkbox" checked={choice.status.includes(status)} onChange={() => toggle(status)} />
            {status.toLowerCase()}
          </label>
        ))}
      </fieldset>
    </search>
  );
};
