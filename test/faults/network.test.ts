import { executorReplies, netBytes, repliesLost } from './cases/network.ts';
import { quick } from './quick.ts';

for (const one of [repliesLost, executorReplies, netBytes]) quick(one);
