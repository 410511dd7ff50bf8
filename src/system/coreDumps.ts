import { spawnSync } from 'node:child_process';

/**
 * Forbids core dumps of this process, and of all that it starts: they would contain secrets. Node.js cannot set limits
 * itself, so prlimit(1) of util-linux does. Returns whether it worked.
 */
export const forbidCoreDumps = (): boolean =>
  spawnSync('prlimit', ['--pid', String(process.pid), '--core=0:0'], { stdio: 'ignore', timeout: 5000 }).status === 0;
