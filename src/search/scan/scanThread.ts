/** The thread that scans logs (scanPool.ts starts it). One task at a time, in the order in which they come. */
import { setPriority } from 'node:os';
import { parentPort } from 'node:worker_threads';
import { NewestMap } from '../../collections/newestMap.ts';
import { type PreparedQuery, prepareQuery, scanEntry } from './entryScan.ts';
import { BadPattern } from './pattern.ts';
import type { FoundLine, ScanAnswer, ScanResult, ScanTask } from './scanTask.ts';

/** Milliseconds of one task: then the next caller's has its turn. */
const TASK_MS = 50;
/** Queries that are kept ready. A regular expression can hold 8 MiB. */
const MOST_QUERIES = 4;
/** Characters of the lines in one result: a line can have MAX_LINE_BYTES. */
const MOST_CHARACTERS = 1024 * 1024;
/** Viewers come first: on Linux this is the priority of this thread alone (setpriority(2), notes). */
const NICE = 5;

const queries = new NewestMap<string, PreparedQuery>(MOST_QUERIES);

const prepared = (task: ScanTask): PreparedQuery => {
  const name = JSON.stringify(task.query);
  const known = queries.get(name);
  if (known !== undefined) return known;
  const made = prepareQuery(task.query);
  queries.set(name, made);
  return made;
};

const scan = (task: ScanTask): ScanResult => {
  const query = prepared(task);
  const until = performance.now() + TASK_MS;
  const found: FoundLine[] = [];
  const isOver = (): boolean => performance.now() >= until;
  let characters = 0;
  const add = (line: FoundLine): boolean => {
    found.push(line);
    characters += typeof line.content === 'string' ? line.content.length : line.content.message.length;
    return found.length < task.most && characters < MOST_CHARACTERS;
  };
  let start = 0;
  for (const end of task.ends) {
    const stoppedAt = scanEntry(Buffer.from(task.bytes.buffer, start, end - start), query, { ...task, isOver }, add);
    if (stoppedAt !== null) return { found, stoppedAt };
    start = end;
  }
  return { found, stoppedAt: null };
};

const answer = (task: ScanTask): ScanAnswer => {
  try {
    return { kind: 'result', result: scan(task) };
  } catch (error) {
    if (error instanceof BadPattern) return { kind: 'badPattern', message: error.message };
    return { kind: 'failed', error };
  }
};

if (process.platform === 'linux') {
  try {
    setPriority(NICE);
  } catch {
    // Not allowed here: the thread then runs like the rest of the process.
  }
}
parentPort?.on('message', (task: ScanTask) => parentPort?.postMessage(answer(task)));
