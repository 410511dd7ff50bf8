/**
 * An honest caller beside a greedy one that is over its limits. Measured as CPU time of the service's main thread from the
 * honest request to its answer, so that other work of the machine does not count.
 */
import { readFile } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { JWT_SETTINGS, providerToken } from '../support/identity.ts';
import { startService, type TestService } from '../support/service.ts';

/** Requests at once of the greedy caller, each on a connection of its own. */
const LANES = 4;
const REQUESTS = 60;
/** Each greedy request counts as 15: so it is over its limit after a few. */
const PADDING = ' '.repeat(14 * 4096);
const QUERY = '{ runs(first: 20) { edges { node { id status createdAt } } } }';
let service: TestService;
beforeAll(async () => {
  service = await startService({ env: { AUTH: 'jwt', ...JWT_SETTINGS, LIMIT_MESSAGES_PER_SECOND: '20' } });
}, 180_000);
afterAll(() => service.stop());

const send = (token: string, agent: Agent, localAddress: string, query = QUERY): Promise<number> =>
  new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${token}` };
    request(`${service.url}/graphql`, { method: 'POST', agent, localAddress, headers }, (response) =>
      response.resume().on('end', () => resolve(response.statusCode ?? 0)),
    )
      .on('error', reject)
      .end(JSON.stringify({ query }));
  });

/** CPU time of the service's main thread, ms (proc(5), schedstat). */
const usedMs = async (): Promise<number> => {
  const text = await readFile(`/proc/${service.pid}/task/${service.pid}/schedstat`, 'utf8');
  return Number(text.split(' ')[0]) / 1e6;
};

/** The median of what honest requests wait, and how they were answered. */
const honestWait = async (token: string, agent: Agent): Promise<number> => {
  const waits: number[] = [];
  for (let i = 0; i < REQUESTS; i += 1) {
    const before = await usedMs();
    expect(await send(token, agent, '127.0.0.1')).toBe(200);
    waits.push((await usedMs()) - before);
  }
  return waits.sort((one, other) => one - other)[REQUESTS / 2] ?? 0;
};

test('S11b: beside a caller that is over its limit, an honest caller waits at most twice as long as alone', async () => {
  const agents = Array.from({ length: LANES + 1 }, () => new Agent({ keepAlive: true, maxSockets: 1 }));
  onTestFinished(() => {
    for (const agent of agents) agent.destroy();
  });
  const [mine = new Agent(), ...theirs] = agents;
  const [honest, other, greedy] = await Promise.all(['ada', 'ada again', 'bob'].map((sub) => providerToken({ sub })));
  // The first requests run code that is not compiled yet.
  await honestWait(other ?? '', mine);
  const alone = await honestWait(honest ?? '', mine);
  let over = false;
  const answered = new Map<number, number>();
  const lanes = theirs.map(async (agent) => {
    while (!over) {
      const status = await send(greedy ?? '', agent, '127.0.0.9', QUERY + PADDING).catch(() => 0);
      answered.set(status, (answered.get(status) ?? 0) + 1);
    }
  });
  while (!answered.has(429)) await new Promise((resolve) => setImmediate(resolve));
  const beside = await honestWait(await providerToken({ sub: 'eve' }), mine);
  over = true;
  await Promise.all(lanes);
  expect(beside / alone).toBeLessThan(2);
}, 180_000);
