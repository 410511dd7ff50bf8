import { executorKilled } from './cases/executor.ts';
import { apiKilled, otherServes, terminated } from './cases/processes.ts';
import { quick } from './quick.ts';

for (const one of [apiKilled, otherServes, terminated, executorKilled]) quick(one);
