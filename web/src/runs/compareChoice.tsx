/** Compare: the first click remembers a run, the second one opens both side by side. */
import { Columns2 } from 'lucide-react';
import type { RunPartsFragment } from '../../../schema/generated/graphql.ts';
import { go } from '../look/route.ts';
import { createStore, useStore } from '../look/watchable.ts';

/** The run that was chosen first; gone with the page. */
const first = createStore<RunPartsFragment | null>(null);

const nameOf = ({ name, id }: RunPartsFragment): string => name ?? id.slice(-8);

interface CompareButtonProps {
  readonly run: RunPartsFragment;
  readonly small: boolean;
}

export const CompareButton = ({ run, small }: CompareButtonProps) => {
  const chosen = useStore(first);
  const isChosen = chosen?.id === run.id;
  const text = chosen === null || isChosen ? 'Compare' : `Compare with ${nameOf(chosen)}`;
  const onClick = (): void => {
    first.set(chosen === null ? run : null);
    if (chosen !== null && !isChosen) go({ runId: chosen.id, compare: run.id });
  };
  return (
    <button type="button" title={text} aria-label={`${text}: ${nameOf(run)}`} aria-pressed={isChosen} onClick={onClick}>
      <Columns2 aria-hidden /> {!small && text}
    </button>
  );
};
