/** The real service with a DATA_DIR of its own, for tests that only use it. */
import { dataDirectory, type ServiceOptions, spawnService } from './startedService.ts';

export interface TestService {
  /** `http://127.0.0.1:<port>`, without a path. */
  readonly url: string;
  readonly pid: number;
  /** Ends it, its private Redis and its files. Safe to call more than once. */
  stop(): Promise<void>;
}

/** Resolves when it serves: local processes, a private Redis. @throws Error with what it printed, where it ended */
export const startService = async (options: ServiceOptions = {}): Promise<TestService> => {
  await using begun = new AsyncDisposableStack();
  const data = begun.use(await dataDirectory());
  const service = begun.use(spawnService({ ...options, env: { DATA_DIR: data.path, ...options.env } }));
  const url = await service.address();
  const parts = begun.move();
  const stop = async (): Promise<void> => {
    if (parts.disposed) return;
    service.child.kill('SIGTERM');
    await service.ended;
    await parts.disposeAsync();
  };
  return { url, pid: service.child.pid ?? 0, stop };
};
