import { pino } from 'pino';
import { expect, test, vi } from 'vitest';
import { AuditTrail } from '../../../src/audit/auditTrail.ts';
import { LOCAL_ADMIN } from '../../../src/domain/caller.ts';

const trail = () => {
  const lines: Record<string, unknown>[] = [];
  const logger = pino({ level: 'fatal' }, { write: (line: string) => void lines.push(JSON.parse(line)) });
  return { lines, audit: new AuditTrail(logger) };
};

test('T10: the lines of the audit trail are written whatever the level of the log is', () => {
  const { lines, audit } = trail();
  audit.record({ action: 'run.deleted', caller: LOCAL_ADMIN, address: '::1', outcome: 'CONFLICT', runId: 'x' });
  const { time: _time, pid: _pid, hostname: _hostname, ...line } = lines[0] ?? {};
  expect(line).toEqual({
    ...{ level: 30, audit: true, msg: 'run.deleted', action: 'run.deleted', outcome: 'CONFLICT', runId: 'x' },
    ...{ subject: 'local', tenant: 'default', address: '::1' },
  });
});

test('many refused tokens make a bounded number of lines, and the next one counts the others', () => {
  vi.useFakeTimers({ now: 5000 });
  const { lines, audit } = trail();
  for (let i = 0; i < 1000; i += 1) audit.refused('10.0.0.1', 'no token was sent');
  expect(lines).toHaveLength(20);
  vi.setSystemTime(6000);
  audit.refused('10.0.0.1', 'no token was sent');
  vi.useRealTimers();
  expect(lines).toHaveLength(22);
  expect(lines[20]).toMatchObject({ audit: true, action: 'auth.refused', unwritten: 980, second: 5 });
});
