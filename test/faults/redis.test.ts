import { endLost, powerLossEverysec, wiped } from './cases/powerLoss.ts';
import { clientKill, redisKilled, subscriberCut } from './cases/redis.ts';
import { quick } from './quick.ts';

for (const one of [redisKilled, powerLossEverysec, endLost, wiped, clientKill, subscriberCut]) quick(one);
