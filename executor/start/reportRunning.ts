import type { RunRecord } from '../../src/domain/run.ts';
import type { LogWriter } from '../write/logWriter.ts';

/**
 * Stores ContainerEvent STARTED and, unless an earlier executor of this attempt did, the status RUNNING. False if a
 * cancel came meanwhile: then nothing is stored, and the command must not be started.
 * @throws LogLost, or the signal's reason
 */
export const reportRunning = async (writer: LogWriter, run: RunRecord): Promise<boolean> => {
  const timestamp = Date.now();
  const previous = run.status;
  const started = { kind: 'ContainerEvent', timestamp, containerEvent: 'STARTED', detail: null } as const;
  const running = { kind: 'StatusChanged', timestamp, status: 'RUNNING', previous, detail: null } as const;
  const reply = await writer.append(
    previous === 'RUNNING' ? [started] : [started, running],
    { closes: false, knownCancel: null, changes: { status: 'RUNNING', startedAt: run.startedAt ?? timestamp } },
    writer.lost,
  );
  return reply.code === 'OK';
};
