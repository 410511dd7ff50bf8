/** Cases 1, 2, 3, 14, 17: processes of the service die, freeze, stop. */
import { setTimeout as delay } from 'node:timers/promises';
import { parseRunId, type RunId } from '../../../src/domain/ids.ts';
import { leaseKey } from '../../../src/log/keys.ts';
import type { FaultCase } from '../faultCase.ts';
import { scenario } from '../scenario.ts';
import { Stack } from '../stack.ts';

/** Which of the services supervises the run; by the lease's holder, whose process we tell by what ends with it. */
export const leaseHolder = async (stack: Stack, runId: string): Promise<string | null> =>
  await (await stack.admin()).get(leaseKey(parseRunId(runId) as RunId));

export const apiKilled: FaultCase = {
  number: 1,
  name: 'api-killed',
  title: 'kill -9 of the service mid-run, started again',
  async run({ random, lines, seconds }) {
    await using stack = await Stack.open();
    return await scenario({
      stack,
      random,
      lines,
      seconds,
      faults: async ({ at }) => {
        let faults = 0;
        for (const share of [0.2, 0.5, 0.75]) {
          await at(share + random.next() * 0.1);
          await stack.kill(0);
          faults += 1;
          await delay(random.between(0, 800));
          await stack.start(0);
        }
        return faults;
      },
    });
  },
};

export const otherServes: FaultCase = {
  number: 2,
  name: 'viewers-move',
  title: 'two services, the one with the viewers killed: they resume on the other',
  async run({ random, lines, seconds }) {
    await using stack = await Stack.open({ services: 2 });
    let serving = 0;
    return await scenario({
      stack,
      random,
      lines,
      seconds,
      urls: () => [stack.urlOf(serving)],
      faults: async ({ at, note, started }) => {
        let faults = 0;
        for (const share of [0.2, 0.5, 0.75]) {
          await at(share + random.next() * 0.1);
          const dead = serving;
          await stack.kill(dead);
          serving = 1 - serving;
          const killedAt = performance.now();
          faults += 1;
          const had = started.audit.last;
          while (started.audit.last === had && !started.done && performance.now() - killedAt < 20_000) await delay(10);
          note(`resumed after ${Math.round(performance.now() - killedAt)} ms`);
          await stack.start(dead);
        }
        return faults;
      },
    });
  },
};

export const supervisorKilled: FaultCase = {
  number: 3,
  name: 'supervisor-killed',
  title: 'kill -9 of the process that supervises, its executor alive: another adopts it',
  async run({ random, lines, seconds }) {
    await using stack = await Stack.open({ services: 2 });
    return await scenario({
      stack,
      random,
      lines,
      seconds: Math.max(seconds, 8) + 14,
      faults: async ({ at, runId, note, problem }) => {
        await at(0.15);
        const before = await leaseHolder(stack, runId);
        // Who holds it is told by who stops renewing: kill one, and see whether the lease changes hands.
        let faults = 0;
        for (const index of [0, 1]) {
          await stack.kill(index);
          faults += 1;
          const killedAt = performance.now();
          let holder: string | null = before;
          while (performance.now() - killedAt < 15_000) {
            holder = await leaseHolder(stack, runId);
            if (holder !== null && holder !== before) break;
            await delay(50);
          }
          const adopted = holder !== null && holder !== before;
          if (adopted) note(`adopted after ${Math.round(performance.now() - killedAt)} ms`);
          await stack.start(index);
          if (adopted) return faults;
        }
        problem('nobody adopted it within 15 s');
        return faults;
      },
    });
  },
};

export const terminated: FaultCase = {
  number: 17,
  name: 'sigterm-under-load',
  title: 'SIGTERM under load: viewers get 1001 and resume elsewhere, exit 0 within 10 s',
  async run({ random, lines, seconds }) {
    await using stack = await Stack.open({ services: 2 });
    let serving = 0;
    return await scenario({
      stack,
      random,
      lines,
      seconds: Math.max(seconds, 8),
      urls: () => [stack.urlOf(serving)],
      faults: async ({ at, note, problem, started }) => {
        let faults = 0;
        for (const share of [0.15, 0.4]) {
          await at(share);
          const leaving = serving;
          const closes = started.closes.get(1001) ?? 0;
          const begun = performance.now();
          const stopping = stack.kill(leaving, 'SIGTERM');
          serving = 1 - serving;
          const exit = await stopping;
          const took = Math.round(performance.now() - begun);
          faults += 1;
          note(`ended with ${exit.code ?? exit.signal} after ${took} ms`);
          if (exit.code !== 0 || took > 10_000) problem(`exit ${exit.code ?? exit.signal} after ${took} ms`);
          await delay(300);
          if (!started.done && (started.closes.get(1001) ?? 0) !== closes + 1)
            problem(`no 1001: ${JSON.stringify([...started.closes])}`);
          await stack.start(leaving);
        }
        return faults;
      },
    });
  },
};

export const frozen: FaultCase = {
  number: 14,
  name: 'supervisor-frozen',
  title: 'the supervisor frozen for a minute while another adopts its run, then awake again',
  async run({ random, lines }) {
    await using stack = await Stack.open({ services: 2 });
    const processes = new Set<number>();
    return await scenario({
      stack,
      random,
      lines,
      seconds: 75,
      urls: () => [stack.urlOf(1), stack.urlOf(0)],
      faults: async ({ at, runId, note, problem }) => {
        await at(0.05);
        const before = await leaseHolder(stack, runId);
        let index = 0;
        process.kill(stack.pidOf(0), 'SIGSTOP');
        const frozenAt = performance.now();
        let holder: string | null = before;
        for (; performance.now() - frozenAt < 14_000; await delay(50)) {
          holder = await leaseHolder(stack, runId);
          if (holder !== null && holder !== before) break;
        }
        if (holder === before || holder === null) {
          // It was the other one: thaw, freeze that.
          process.kill(stack.pidOf(0), 'SIGCONT');
          index = 1;
          process.kill(stack.pidOf(1), 'SIGSTOP');
        }
        const secondAt = performance.now();
        for (; performance.now() - secondAt < 50_000; await delay(200)) {
          for (const pid of (await stack.processesOf(runId)).executors) processes.add(pid);
        }
        const now = await leaseHolder(stack, runId);
        if (now === before) problem('nobody adopted it');
        process.kill(stack.pidOf(index), 'SIGCONT');
        for (let i = 0; i < 20; i += 1, await delay(100)) {
          for (const pid of (await stack.processesOf(runId)).executors) processes.add(pid);
        }
        note(`${processes.size} executor(s) seen`);
        if (processes.size !== 1) problem(`${processes.size} executors`);
        return 1;
      },
    });
  },
};
