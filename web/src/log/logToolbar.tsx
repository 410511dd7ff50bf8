/** Search, filters, times and wrap above the log. */
import { CircleAlert, FoldVertical, UnfoldVertical, WrapText } from 'lucide-react';
import type { RefObject } from 'react';
import { TIME_NAMES } from '../line/times.ts';
import { IconButton } from '../look/iconButton.tsx';
import { after, change, settings, TIMES } from '../look/settings.ts';
import { useStore } from '../look/watchable.ts';
import { LogFilters, type LogFiltersProps } from './logFilters.tsx';
import { SearchBar } from './search/searchBar.tsx';
import type { Search } from './search/useSearch.ts';

export interface LogToolbarProps extends Omit<LogFiltersProps, 'find'> {
  readonly search: Search;
  readonly field: RefObject<HTMLInputElement | null>;
  /** null: there is nothing to fold. */
  readonly onFoldAll: ((fold: boolean) => void) | null;
}

export const LogToolbar = (props: LogToolbarProps) => {
  const { search, field, onFoldAll, ...filters } = props;
  const { wrap, times } = useStore(settings);
  return (
    <div className="toolbar" role="toolbar" aria-label="Log">
      <SearchBar search={search} field={field} />
      <button type="button" aria-label="Next error" title="Next error (e)" onClick={() => search.error(true)}>
        <CircleAlert aria-hidden /> Error
      </button>
      <LogFilters {...filters} find={search.choice.regex ? null : search.choice.text} />
      {onFoldAll !== null && (
        <>
          <IconButton icon={FoldVertical} name="Fold all groups" shortcut="[" onClick={() => onFoldAll(true)} />
          <IconButton icon={UnfoldVertical} name="Unfold all groups" shortcut="]" onClick={() => onFoldAll(false)} />
        </>
      )}
      <button type="button" title="Times (t)" onClick={() => change({ times: after(TIMES, times) })}>
        {TIME_NAMES[times]}
      </button>
      <IconButton
        icon={WrapText}
        name="Wrap lines"
        shortcut="w"
        pressed={wrap}
        onClick={() => change({ wrap: !wrap })}
      />
    </div>
  );
};
