/** The real service with its own DATA_DIR, for tests that only use it. */
import { dataDirectory, type ServiceOptions, spawnService } from './startedService.ts';

export interface TestService {
  /** `http://127.0.0.1:<port>`, without a path. */
  readonly url: string;
  readonly pid: number;
  /** Ends the service and its private Redis and removes its files. May be called again. */
  stop(): Promise<void>;
}

/** Resolves when it serves, with local processes and a private Redis. @throws Error with its output if it exits */
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
