/** All cases, in the order of their numbers. */
import * as container from './cases/container.ts';
import * as executor from './cases/executor.ts';
import * as load from './cases/load.ts';
import * as many from './cases/many.ts';
import * as network from './cases/network.ts';
import * as powerLoss from './cases/powerLoss.ts';
import * as processes from './cases/processes.ts';
import * as redis from './cases/redis.ts';
import * as redisFull from './cases/redisFull.ts';
import * as ways from './cases/ways.ts';
import type { FaultCase } from './faultCase.ts';

export const CASES: readonly FaultCase[] = [
  processes.apiKilled,
  processes.otherServes,
  processes.supervisorKilled,
  container.containerAdopted,
  redis.redisStopped,
  redis.redisKilled,
  redis.operatorRestarted,
  powerLoss.powerLossAlways,
  powerLoss.powerLossEverysec,
  powerLoss.endLost,
  powerLoss.powerLossWithExecutor,
  powerLoss.powerLossFlood,
  powerLoss.wiped,
  redis.redisFrozen,
  redis.clientPause,
  redis.clientKill,
  redis.subscriberCut,
  redis.pubsubLimit,
  network.repliesLost,
  network.executorReplies,
  network.netCut,
  network.netBlackhole,
  network.netOneWay,
  network.netSlow,
  network.netBytes,
  executor.executorKilled,
  executor.commandKilled,
  container.containerRemoved,
  container.containerKilled,
  container.engineRestarted,
  ways.waysToDie,
  ways.containerWays,
  load.slowViewers,
  load.flood,
  redisFull.outOfMemory,
  redisFull.diskFullPrivate,
  redisFull.diskFullOperator,
  processes.frozen,
  executor.twoExecutors,
  load.herd,
  executor.clockBack,
  processes.terminated,
  many.manyProcesses,
  many.manyContainers,
];
