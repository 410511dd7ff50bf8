/** The status of a run, as a word with a colour and an icon: never the colour alone. */
import { Ban, CircleCheck, CircleX, Clock, LoaderCircle } from 'lucide-react';
import type { RunStatus } from '../../../schema/generated/graphql.ts';

const ICONS = {
  PENDING: Clock,
  STARTING: LoaderCircle,
  RUNNING: LoaderCircle,
  COMPLETED: CircleCheck,
  FAILED: CircleX,
  CANCELLED: Ban,
} as const;

export const isOver = (status: RunStatus): boolean =>
  status === 'COMPLETED' || status === 'FAILED' || status === 'CANCELLED';

export const Status = ({ status }: { readonly status: RunStatus }) => {
  const Icon = ICONS[status] ?? Clock;
  return (
    <span className={`status ${status}`}>
      <Icon aria-hidden />
      {status}
    </span>
  );
};
