import { clientKill, powerLossEverysec, redisKilled, subscriberCut, wiped } from './cases/redis.ts';
import { quick } from './quick.ts';

for (const one of [redisKilled, powerLossEverysec, wiped, clientKill, subscriberCut]) quick(one);
