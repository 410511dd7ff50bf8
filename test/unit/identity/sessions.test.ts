import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type Caller, LOCAL_ADMIN } from '../../../src/domain/caller.ts';
import { Sessions } from '../../../src/identity/sessions.ts';

const DAY_MS = 86_400_000;
beforeEach(() => {
  vi.useFakeTimers({ now: 1_800_000_000_000 });
});
afterEach(() => {
  vi.useRealTimers();
});

const open = (sessions: Sessions, more: Partial<Caller>) => {
  const ends: string[] = [];
  const leave = sessions.open({ ...LOCAL_ADMIN, ...more }, (why) => void ends.push(why));
  return { ends, leave };
};

test('a session ends when its token expires, not before, also if that is later than the longest timer', () => {
  const sessions = new Sessions();
  const soon = open(sessions, { expiresAt: Date.now() + 90_500 });
  const late = open(sessions, { expiresAt: Date.now() + 60 * DAY_MS });
  const never = open(sessions, {});
  const last = open(sessions, { expiresAt: 8.64e15 });
  vi.advanceTimersByTime(90_499);
  expect(soon.ends).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(soon.ends).toEqual(['expired']);
  vi.advanceTimersByTime(60 * DAY_MS - 90_501);
  expect(late.ends).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(late.ends).toEqual(['expired']);
  expect([...never.ends, ...last.ends]).toEqual([]);
});

test('a token that has expired already ends its session at once; a clock that is set is noticed within a minute', () => {
  const sessions = new Sessions();
  const past = open(sessions, { expiresAt: Date.now() - 1 });
  const hour = open(sessions, { expiresAt: Date.now() + 3_600_000 });
  vi.advanceTimersByTime(1);
  expect(past.ends).toEqual(['expired']);
  vi.setSystemTime(Date.now() + 3_600_000);
  vi.advanceTimersByTime(60_000);
  expect(hour.ends).toEqual(['expired']);
});

test('a revocation ends every session of its token once, and those that are opened later, but no other and none that was left', () => {
  const sessions = new Sessions();
  const [one, two] = [
    open(sessions, { apiTokenId: 'a' }),
    open(sessions, { apiTokenId: 'a', expiresAt: Date.now() + 9 }),
  ];
  const [left, other] = [open(sessions, { apiTokenId: 'a' }), open(sessions, { apiTokenId: 'b' })];
  left.leave();
  expect(sessions.apiTokenIds).toEqual(['a', 'b']);
  sessions.revoke('a');
  sessions.revoke('a');
  vi.advanceTimersByTime(10);
  expect([one.ends, two.ends, left.ends, other.ends]).toEqual([['revoked'], ['revoked'], [], []]);
  expect(open(sessions, { apiTokenId: 'a' }).ends).toEqual(['revoked']);
  expect(sessions.apiTokenIds).toEqual(['b']);
  other.leave();
  expect([sessions.apiTokenIds, vi.getTimerCount()]).toEqual([[], 0]);
});
