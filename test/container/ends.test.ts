/** Ends of runs in containers, as a viewer sees them. */
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { audit, follow, startRun, wsClient } from '../support/clients/client.ts';
import { startService, type TestService } from '../support/service.ts';

const engine = inject('engine');
let service: TestService;
beforeAll(async () => {
  if (engine === null) return;
  const env = { LAUNCHER: 'container', CONTAINER_SOCKET: engine.socketPath, EXECUTOR_IMAGE: engine.executorImage };
  service = await startService({ env });
}, 120_000);
afterAll(() => service?.stop());

test.skipIf(engine === null)(
  'every way to end in a container is reported with its reason, at the end of a log without a hole',
  async () => {
    const client = wsClient(service.url);
    const ends: [input: Record<string, unknown>, status: string, reason: string | null][] = [
      [{ command: ['true'] }, 'COMPLETED', null],
      [{ command: ['sh', '-c', 'exit 3'] }, 'FAILED', 'NONZERO_EXIT'],
      [{ command: ['sh', '-c', 'kill -SEGV $$'] }, 'FAILED', 'SIGNALLED'],
      [{ command: ['sh', '-c', 'kill -35 $$'] }, 'FAILED', 'SIGNALLED'],
      [{ command: ['sleep', '60'], timeoutSeconds: 1 }, 'FAILED', 'TIMEOUT'],
      [{ command: ['there-is-no-such-program'] }, 'FAILED', 'COMMAND_NOT_STARTED'],
      [{ command: ['true'], image: 'localhost/there-is-no-such-image:1' }, 'FAILED', 'IMAGE_UNAVAILABLE'],
      [
        {
          command: ['node', '-e', 'const a = []; for (;;) a.push(Buffer.alloc(1e6, 1))'],
          resources: { memoryMb: 128 },
        },
        'FAILED',
        'OUT_OF_MEMORY',
      ],
    ];
    await Promise.all(
      ends.map(async ([input, status, reason]) => {
        const { events, completed } = await follow(client, await startRun(service.url, input));
        const { holes, repeats, end } = audit(events);
        expect({ completed, holes, repeats }).toEqual({ completed: true, holes: 0, repeats: 0 });
        expect({
          input,
          status: end?.finalStatus,
          reason: (end?.failure as { reason: string } | null)?.reason ?? null,
        }).toEqual({
          input,
          status,
          reason,
        });
      }),
    );
  },
  120_000,
);
