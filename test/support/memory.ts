/** Memory of a process, as Linux counts it. */
import { readFile } from 'node:fs/promises';

/** Peak of resident memory so far, bytes. */
export const peakMemory = async (pid: number): Promise<number> => {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? Number.NaN) * 1024;
};
