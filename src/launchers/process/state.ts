/** State files: by them every service on this machine knows which attempts are started. One per run and attempt. */
import { link, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseRunId, type RunId } from '../../domain/ids.ts';
import type { ProcessIdentity } from '../../system/processIdentity.ts';

/** The service that starts the attempt, and the executor that it started; null until it has. */
export interface AttemptState {
  readonly starter: ProcessIdentity;
  readonly executor: ProcessIdentity | null;
}

const SUFFIX = '.json';

export class AttemptStates {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** The attempt's own directory, in which it can write. */
  workspace(runId: RunId, attempt: number): string {
    return join(this.#directory, `${runId}-${attempt}`);
  }

  /** Takes the attempt: true for exactly one caller until it is removed. The file appears with its whole content. */
  async take(runId: RunId, attempt: number, state: AttemptState): Promise<boolean> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    const draft = await this.#draft(state);
    try {
      await link(draft, this.#file(runId, attempt));
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
      throw error;
    } finally {
      await rm(draft, { force: true });
    }
  }

  async replace(runId: RunId, attempt: number, state: AttemptState): Promise<void> {
    await rename(await this.#draft(state), this.#file(runId, attempt));
  }

  /** Null where nothing was started, or everything was removed. */
  async read(runId: RunId, attempt: number): Promise<AttemptState | null> {
    try {
      return JSON.parse(await readFile(this.#file(runId, attempt), 'utf8')) as AttemptState;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
      throw error;
    }
  }

  async remove(runId: RunId, attempt: number): Promise<void> {
    await rm(this.workspace(runId, attempt), { recursive: true, force: true, maxRetries: 3 });
    await rm(this.#file(runId, attempt), { force: true });
  }

  async list(): Promise<readonly { readonly runId: RunId; readonly attempt: number }[]> {
    const names = await readdir(this.#directory).catch(() => []);
    return names.flatMap((name) => {
      const match = /^(.{36})-(\d+)\.json$/.exec(name);
      const runId = parseRunId(match?.[1] ?? '');
      return runId === null ? [] : [{ runId, attempt: Number(match?.[2]) }];
    });
  }

  #file(runId: RunId, attempt: number): string {
    return join(this.#directory, `${runId}-${attempt}${SUFFIX}`);
  }

  async #draft(state: AttemptState): Promise<string> {
    const path = join(this.#directory, `.${crypto.randomUUID()}`);
    await writeFile(path, JSON.stringify(state), { mode: 0o600 });
    return path;
  }
}
