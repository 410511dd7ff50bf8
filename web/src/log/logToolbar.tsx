/** Search, filters, times and wrap above the log. */
import { ArrowDown, ArrowUp, CircleAlert, FoldVertical, UnfoldVertical, WrapText } from 'lucide-react';
import type { ReactNode, RefObject } from 'react';
import { TIME_NAMES } from '../line/times.ts';
import { after, change, settings, TIMES } from '../look/settings.ts';
import { useStore } from '../look/watchable.ts';
import { LogFilters, type LogFiltersProps } from './logFilters.tsx';

export interface LogToolbarProps extends LogFiltersProps {
  readonly find: string;
  readonly onFind: (text: string) => void;
  /** What the search says: where it is, or that there is nothing. */
  readonly said: ReactNode;
  readonly field: RefObject<HTMLInputElement | null>;
  readonly onHit: (forward: boolean) => void;
  readonly onError: (forward: boolean) => void;
  /** null: there is nothing to fold. */
  readonly onFoldAll: ((fold: boolean) => void) | null;
}

export const LogToolbar = (props: LogToolbarProps) => {
  const { find, onFind, said, field, onHit, onError, onFoldAll } = props;
  const { wrap, times } = useStore(settings);
  return (
    <div className="toolbar" role="toolbar" aria-label="Log">
      <search>
        <input
          ref={field}
          type="search"
          aria-label="Search in the log"
          placeholder="Search (/)"
          value={find}
          onChange={(event) => onFind(event.target.value)}
          onKeyDown={(event) => {
            if (event.key === 'Enter') onHit(!event.shiftKey);
            if (event.key === 'Escape') event.currentTarget.blur();
          }}
        />
        <button
          type="button"
          className="icon"
          aria-label="Previous hit"
          title="Previous hit (N)"
          onClick={() => onHit(false)}
        >
          <ArrowUp aria-hidden />
        </button>
        <button type="button" className="icon" aria-label="Next hit" title="Next hit (n)" onClick={() => onHit(true)}>
          <ArrowDown aria-hidden />
        </button>
        <output className="hint">{said}</output>
      </search>
      <button type="button" aria-label="Next error" title="Next error (e)" onClick={() => onError(true)}>
        <CircleAlert aria-hidden /> Error
      </button>
      <LogFilters {...props} />
      {onFoldAll !== null && (
        <>
          <button
            type="button"
            className="icon"
            aria-label="Fold all groups"
            title="Fold all groups ([)"
            onClick={() => onFoldAll(true)}
          >
            <FoldVertical aria-hidden />
          </button>
          <button
            type="button"
            className="icon"
            aria-label="Unfold all groups"
            title="Unfold all groups (])"
            onClick={() => onFoldAll(false)}
          >
            <UnfoldVertical aria-hidden />
          </button>
        </>
      )}
      <button type="button" title="Times (t)" onClick={() => change({ times: after(TIMES, times) })}>
        {TIME_NAMES[times]}
      </button>
      <button
        type="button"
        className="icon"
        aria-label="Wrap lines"
        title="Wrap lines (w)"
        aria-pressed={wrap}
        onClick={() => change({ wrap: !wrap })}
      >
        <WrapText aria-hidden />
      </button>
    </div>
  );
};
