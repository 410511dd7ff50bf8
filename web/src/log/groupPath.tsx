/** The groups around the first row in view: their titles are above it, and not loaded perhaps. */
import { ChevronRight } from 'lucide-react';
import { plainText } from '../line/ansiSpans.ts';
import { groupsAround } from './window/folds.ts';
import type { Overview } from './window/overview.ts';

interface GroupPathProps {
  readonly overview: Overview | null;
  readonly seq: number;
  readonly onSeek: (seq: number) => void;
}

export const GroupPath = ({ overview, seq, onSeek }: GroupPathProps) => {
  const groups = groupsAround(overview, seq);
  if (overview === null || overview.groups.length === 0) return null;
  return (
    <nav className="grouppath" aria-label="Groups around the first line in view">
      {groups.map((group, index) => (
        <span key={group.seq}>
          {index > 0 && <ChevronRight aria-hidden />}
          <button type="button" title="Go to the start of the group" onClick={() => onSeek(group.seq)}>
            {plainText(group.name) || 'Group'}
          </button>
        </span>
      ))}
    </nav>
  );
};
