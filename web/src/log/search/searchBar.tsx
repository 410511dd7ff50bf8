/** The field of the search, its switches, and what it has found. */
import { ArrowDown, ArrowUp, CaseSensitive, Regex } from 'lucide-react';
import type { ReactNode, RefObject } from 'react';
import type { Search } from './useSearch.ts';

interface SearchBarProps {
  readonly search: Search;
  readonly field: RefObject<HTMLInputElement | null>;
}

interface SwitchProps {
  readonly name: string;
  readonly on: boolean;
  readonly onChange: (on: boolean) => void;
  readonly children: ReactNode;
}
const Switch = ({ name, on, onChange, children }: SwitchProps) => (
  <button type="button" className="icon" aria-label={name} title={name} aria-pressed={on} onClick={() => onChange(!on)}>
    {children}
  </button>
);

export const SearchBar = ({ search, field }: SearchBarProps) => {
  const { choice, setChoice, said, problem, hit } = search;
  return (
    <search>
      <input
        ref={field}
        type="search"
        aria-label="Search in the log"
        aria-invalid={problem !== null}
        placeholder="Search (/)"
        value={choice.text}
        onChange={({ target }) => setChoice({ ...choice, text: target.value })}
        onKeyDown={(event) => {
          if (event.key === 'Enter') hit(!event.shiftKey);
          if (event.key !== 'Escape') return;
          // The browser would empty the field.
          event.preventDefault();
          event.currentTarget.blur();
        }}
      />
      <Switch
        name="Distinguish upper and lower case"
        on={choice.caseSensitive}
        onChange={(caseSensitive) => setChoice({ ...choice, caseSensitive })}
      >
        <CaseSensitive aria-hidden />
      </Switch>
      <Switch name="Regular expression (RE2)" on={choice.regex} onChange={(regex) => setChoice({ ...choice, regex })}>
        <Regex aria-hidden />
      </Switch>
      <button
        type="button"
        className="icon"
        aria-label="Previous hit"
        title="Previous hit (N)"
        onClick={() => hit(false)}
      >
        <ArrowUp aria-hidden />
      </button>
      <button type="button" className="icon" aria-label="Next hit" title="Next hit (n)" onClick={() => hit(true)}>
        <ArrowDown aria-hidden />
      </button>
      <output className="hint">{said}</output>
      {problem !== null && (
        <span role="alert" className="error">
          {problem}
        </span>
      )}
    </search>
  );
};
