import { expect, test } from 'vitest';
import { parseOomKills } from '../../../../executor/start/cgroupMemory.ts';
import { commandVariables, parseOrders } from '../../../../executor/start/environment.ts';
import { newRunId } from '../../../../src/domain/ids.ts';

test("the command gets the image's variables without those of the service, and RUN_ID cannot be overridden", () => {
  const id = newRunId();
  const image = { PATH: '/bin', HOME: '/root', REDIS_URL: 'secret', RUN_KEY: 'secret', RUN_ID: 'x', LANG: 'C' };
  const env = [
    { name: 'LANG', value: 'de', secret: false },
    { name: 'RUN_ID', value: 'mine', secret: false },
  ];
  expect(commandVariables(image, '/workspace', { id, attempt: 2, input: null }, env)).toEqual({
    PATH: '/bin',
    HOME: '/workspace',
    LANG: 'de',
    RUN_ID: id,
    RUN_ATTEMPT: '2',
    RUN_INPUT: 'null',
  });
});

test.each([
  ['RUN_ID', { RUN_ID: 'no id' }],
  ['RUN_ATTEMPT', { RUN_ATTEMPT: '0' }],
  ['REDIS_URL', { REDIS_URL: '' }],
])('orders with an invalid %s are refused', (name, bad) => {
  const good = { RUN_ID: newRunId(), RUN_ATTEMPT: '1', REDIS_URL: 'unix:///s' };
  expect(parseOrders(good)).toMatchObject({ attempt: 1, runKey: null });
  expect(() => parseOrders({ ...good, ...bad })).toThrow(name);
});

test('kills for memory are counted with both versions of cgroups', () => {
  expect(parseOomKills('low 0\nhigh 0\nmax 3\noom 1\noom_kill 2\noom_group_kill 0\n')).toBe(2);
  expect(parseOomKills('oom_kill_disable 0\nunder_oom 0\noom_kill 4\n')).toBe(4);
  expect(parseOomKills('oom_kill_disable 0\nunder_oom 0\n')).toBeNull();
});
