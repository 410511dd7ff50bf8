/** Cancel, retry, duplicate and delete, as far as the run's status allows. */
import { Ban, Copy, RotateCcw, Trash2 } from 'lucide-react';
import { useState } from 'react';
import { useClient } from 'urql';
import type { RunPartsFragment } from '../../../schema/generated/graphql.ts';
import { Dialog } from '../look/dialog.tsx';
import { go } from '../look/route.ts';
import { runActions } from './actions.ts';
import { CompareButton } from './compareChoice.tsx';
import { isOver } from './status.tsx';

interface RunButtonsProps {
  readonly run: RunPartsFragment;
  readonly onDuplicate: (run: RunPartsFragment) => void;
  readonly onDeleted: (runId: string) => void;
  /** Icons alone: the list has no room for words. */
  readonly small?: boolean;
}

export const RunButtons = ({ run, onDuplicate, onDeleted, small = false }: RunButtonsProps) => {
  const actions = runActions(useClient());
  const [error, setError] = useState<string | null>(null);
  const [asks, setAsks] = useState(false);
  const over = isOver(run.status);
  const name = run.name ?? 'the run';
  const cancelText = run.cancelRequestedAt === null ? 'Cancel' : 'Kill';
  const tell = (result: Awaited<ReturnType<typeof actions.cancel | typeof actions.remove>>): boolean => {
    setError('problems' in result ? result.problems.map(({ message }) => message).join(' ') : null);
    return 'value' in result;
  };
  const cancel = async (): Promise<void> => {
    // A second cancel does not wait for the grace period.
    tell(await actions.cancel(run.id, run.cancelRequestedAt !== null));
  };
  const retry = async (): Promise<void> => {
    const result = await actions.retry(run.id);
    if (tell(result) && 'value' in result) go({ runId: result.value.id });
  };
  const remove = async (): Promise<void> => {
    setAsks(false);
    if (tell(await actions.remove(run.id))) onDeleted(run.id);
  };
  return (
    <span className="buttons">
      {!over && (
        <button type="button" title={cancelText} onClick={() => void cancel()} aria-label={`${cancelText} ${name}`}>
          <Ban aria-hidden /> {!small && cancelText}
        </button>
      )}
      {over && (
        <button type="button" title="Retry" onClick={() => void retry()} aria-label={`Retry ${name}`}>
          <RotateCcw aria-hidden /> {!small && 'Retry'}
        </button>
      )}
      <button type="button" title="Duplicate" onClick={() => onDuplicate(run)} aria-label={`Duplicate ${name}`}>
        <Copy aria-hidden /> {!small && 'Duplicate'}
      </button>
      <CompareButton run={run} small={small} />
      {over && (
        <button type="button" title="Delete" onClick={() => setAsks(true)} aria-label={`Delete ${name}`}>
          <Trash2 aria-hidden /> {!small && 'Delete'}
        </button>
      )}
      {error !== null && <span role="alert">{error}</span>}
      {asks && (
        <Dialog title="Delete this run?" onClose={() => setAsks(false)}>
          <p>The run and its log are removed. This cannot be undone.</p>
          <footer>
            <button type="button" onClick={() => setAsks(false)}>
              Keep it
            </button>
            <button type="button" className="danger" onClick={() => void remove()}>
              Delete
            </button>
          </footer>
        </Dialog>
      )}
    </span>
  );
};
