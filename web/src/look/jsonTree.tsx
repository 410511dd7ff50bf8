/** A JSON value as a tree that unfolds. Children are rendered when they are opened. */
import { useState } from 'react';

const MOST_CHILDREN = 200;

const summary = (value: object): string =>
  Array.isArray(value) ? `[${value.length}]` : `{${Object.keys(value).length}}`;

const Leaf = ({ value }: { readonly value: unknown }) => (
  <span className={`json-${value === null ? 'null' : typeof value}`}>{JSON.stringify(value) ?? 'null'}</span>
);

interface TreeProps {
  readonly value: unknown;
  readonly name?: string;
  readonly open?: boolean;
}

export const JsonTree = ({ value, name, open = false }: TreeProps) => {
  const [isOpen, setOpen] = useState(open);
  const label = name === undefined ? null : <span className="json-name">{name}: </span>;
  if (typeof value !== 'object' || value === null) {
    return (
      <div className="json">
        {label}
        <Leaf value={value} />
      </div>
    );
  }
  const entries = Object.entries(value);
  return (
    <details className="json" open={isOpen} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        {label}
        <span className="json-summary">{summary(value)}</span>
      </summary>
      {isOpen && entries.slice(0, MOST_CHILDREN).map(([key, child]) => <JsonTree key={key} name={key} value={child} />)}
      {isOpen && entries.length > MOST_CHILDREN && (
        <div className="json-null">… {entries.length - MOST_CHILDREN} more</div>
      )}
    </details>
  );
};
