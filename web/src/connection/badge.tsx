/** What the connection is doing, in a word. */

import { formatNumber } from '../look/humanText.ts';
import { useNow } from '../look/useNow.ts';
import { type Store, useStore } from '../look/watchable.ts';
import type { ConnectionState } from './connect.ts';

/** Such as ` in 3 s`; empty: it is connecting now, or connected. */
const countdown = ({ state, retryAt }: ConnectionState, now: number): string => {
  if (state !== 'reconnecting' || retryAt === null) return '';
  return ` in ${formatNumber(Math.max(0, Math.ceil((retryAt - now) / 1000)))} s`;
};

interface BadgeProps {
  readonly connection: Store<ConnectionState>;
  /** Shown in place of `ended`, such as that the log is whole. */
  readonly ended?: string | null;
}

export const Badge = ({ connection, ended }: BadgeProps) => {
  const shown = useStore(connection);
  const now = useNow(shown.state === 'reconnecting');
  const isOver = shown.state === 'ended' || shown.state === 'idle';
  if (shown.state === 'idle' && !ended) return null;
  const title = [shown.reason, `over ${shown.over}`].filter(Boolean).join(' · ');
  return (
    <output className={`badge ${isOver ? 'ended' : shown.state}`} title={title} data-over={shown.over}>
      {isOver && ended ? ended : shown.state}
      {/* Screen readers would read each second of it aloud. */}
      <span aria-hidden>{countdown(shown, now)}</span>
    </output>
  );
};
