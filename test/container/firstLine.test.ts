/** The whole path with containers, as a viewer sees it. */
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { connectEngine } from '../../src/launchers/container/engine.ts';
import { audit, follow, startRun, wsClient } from '../support/client.ts';
import { startService, type TestService } from '../support/service.ts';

const engine = inject('engine');
let service: TestService;
beforeAll(async () => {
  if (engine === null) return;
  const env = { LAUNCHER: 'container', CONTAINER_SOCKET: engine.socketPath, EXECUTOR_IMAGE: engine.executorImage };
  service = await startService({ env });
}, 120_000);
afterAll(() => service?.stop());

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;

test.skipIf(engine === null)(
  'from startRun to the first line in a viewer it takes at most 400 ms more than the engine needs for an empty container',
  async () => {
    const docker = await connectEngine(engine?.socketPath ?? '');
    const client = wsClient(service.url);
    const bares: number[] = [];
    const firsts: number[] = [];
    /** Milliseconds to create, start and finish it; its removal is not counted. */
    const bare = async (): Promise<number> => {
      const started = performance.now();
      const container = await docker.createContainer({
        Image: 'localhost/only-busybox:1',
        Cmd: ['/bin/busybox', 'true'],
      });
      await container.start();
      await container.wait();
      const took = performance.now() - started;
      await container.remove();
      return took;
    };
    const first = async (): Promise<number> => {
      const started = performance.now();
      const runId = await startRun(service.url, { command: ['echo', 'first'] });
      const { iterator, stop } = lines(runId);
      for await (const event of iterator) if (event.message === 'first') break;
      stop();
      return performance.now() - started;
    };
    const lines = (runId: string) => {
      const iterator = client.iterate<{ runLogs: { message?: string } }>({
        query: 'subscription ($runId: ID!) { runLogs(runId: $runId) { ... on LogLine { message } } }',
        variables: { runId },
      });
      return {
        stop: () => void iterator.return?.(),
        iterator: (async function* () {
          for await (const { data } of iterator) if (data) yield data.runLogs;
        })(),
      };
    };
    for (let i = 0; i < 7; i += 1) {
      bares.push(await bare());
      firsts.push(await first());
    }
    process.stdout.write(
      `empty container ${median(bares).toFixed(0)} ms, startRun to first line in a viewer ${median(firsts).toFixed(0)} ms\n`,
    );
    expect(median(firsts) - median(bares)).toBeLessThan(400);
  },
  120_000,
);

test.skipIf(engine === null)(
  'every way to end in a container is told with its reason, at the end of a log without a hole',
  async () => {
    const client = wsClient(service.url);
    const ends: [input: Record<string, unknown>, status: string, reason: string | null][] = [
      [{ command: ['true'] }, 'COMPLETED', null],
      [{ command: ['sh', '-c', 'exit 3'] }, 'FAILED', 'NONZERO_EXIT'],
      [{ command: ['sh', '-c', 'kill -SEGV $$'] }, 'FAILED', 'SIGNALLED'],
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
