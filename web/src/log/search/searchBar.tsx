/** The field of the search, its switches, and what it has found. */
import { ArrowDown, ArrowUp, CaseSensitive, Regex } from 'lucide-react';
import type { RefObject } from 'react';
import { IconButton } from '../../look/iconButton.tsx';
import type { Search } from './useSearch.ts';

interface SearchBarProps {
  readonly search: Search;
  readonly field: RefObject<HTMLInputElement | null>;
}

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
      <IconButton
        icon={CaseSensitive}
        name="Distinguish upper and lower case"
        pressed={choice.caseSensitive}
        onClick={() => setChoice({ ...choice, caseSensitive: !choice.caseSensitive })}
      />
      <IconButton
        icon={Regex}
        name="Regular expression (RE2)"
        pressed={choice.regex}
        onClick={() => setChoice({ ...choice, regex: !choice.regex })}
      />
      <IconButton icon={ArrowUp} name="Previous hit" shortcut="N" onClick={() => hit(false)} />
      <IconButton icon={ArrowDown} name="Next hit" shortcut="n" onClick={() => hit(true)} />
      <output className="hint">{said}</output>
      {problem !== null && (
        <span role="alert" className="error">
          {problem}
        </span>
      )}
    </search>
  );
};
