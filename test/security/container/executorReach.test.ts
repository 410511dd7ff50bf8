/** What an executor that was taken over reaches of Redis from inside its container, with its own user and login. */
import { createHash } from 'node:crypto';
import type Docker from 'dockerode';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { newRunId, type RunId } from '../../../src/domain/ids.ts';
import { containerName } from '../../../src/launchers/container/container.ts';
import { connectEngine } from '../../../src/launchers/container/engine/engine.ts';
import { ACTIVE_RUNS, runsIndex } from '../../../src/runs/records/indexKeys.ts';
import { ENTER, NODE_COMMAND, TINI } from '../../../src/wire/executorRoot.ts';
import { controlChannel, fixedKey, indexKey, leaseKey, logChannel, logKey, recordKey } from '../../../src/wire/keys.ts';
import { parseRedisUrl } from '../../../src/wire/redisUrl.ts';
import { APPEND, CLAIM } from '../../../src/wire/scripts/writeScripts.ts';
import { startRun } from '../../support/clients/client.ts';
import { cancelRun, shell, untilEnd, untilRun } from '../../support/runs/lifecycle.ts';
import { type DataDirectory, dataDirectory, type StartedService, spawnService } from '../../support/startedService.ts';

type Call = readonly string[];
const engine = inject('engine');
const sha = (read: () => string): string => createHash('sha1').update(read()).digest('hex');

/** Sends the calls of its third argument, one after the other, and prints the first line of each reply as JSON. */
const CLIENT = `const [path, login, text] = process.argv.slice(1);
const calls = [JSON.parse(login), ...JSON.parse(text)];
const socket = require('node:net').connect(path);
const replies = [];
let input = '';
const send = () => {
  const call = calls[replies.length];
  if (!call) { console.log(JSON.stringify(replies.slice(1))); process.exit(); }
  socket.write('*' + call.length + '\\r\\n' + call.map((one) => '$' + Buffer.byteLength(one) + '\\r\\n' + one + '\\r\\n').join(''));
};
socket.on('connect', send).on('error', (error) => { console.log(JSON.stringify([String(error)])); process.exit(); });
socket.on('data', (bytes) => {
  input += bytes;
  if (!input.includes('\\r\\n')) return;
  replies.push(input.split('\\r\\n')[0]);
  input = '';
  send();
});`;

describe.skipIf(engine === null)('an executor that was taken over in its container', () => {
  let data: DataDirectory;
  let service: StartedService;
  let url: string;
  let docker: Docker;
  let own: RunId;
  let other: RunId;
  beforeAll(async () => {
    data = await dataDirectory();
    const engineOf = { CONTAINER_SOCKET: engine?.socketPath ?? '', EXECUTOR_IMAGE: engine?.executorImage ?? '' };
    service = spawnService({ env: { DATA_DIR: data.path, LAUNCHER: 'container', ...engineOf } });
    url = await service.address();
    docker = await connectEngine(engine?.socketPath ?? '');
    const wait = shell('echo ready; exec sleep 600');
    [own, other] = (await Promise.all([startRun(url, wait), startRun(url, wait)])) as [RunId, RunId];
    for (const id of [own, other]) await untilRun(url, id, ({ lines }) => lines > 0);
  }, 180_000);
  afterAll(async () => {
    for (const id of [own, other].filter((one) => one !== undefined)) {
      await cancelRun(url, id, { force: true });
      await untilEnd(url, id);
    }
    await service?.[Symbol.asyncDispose]();
    await data?.[Symbol.asyncDispose]();
  }, 120_000);

  /** The first lines of the replies, asked as the executor's user from its own root directory. */
  const ask = async (calls: readonly Call[]): Promise<readonly string[]> => {
    const container = docker.getContainer(containerName(own, 1));
    const { Config } = await container.inspect();
    const root = String(Config.Entrypoint?.[0]).replace(TINI, '');
    const address = parseRedisUrl(Config.Env.find((one) => one.startsWith('REDIS_URL='))?.slice(10) ?? '');
    const login = JSON.stringify(['AUTH', address.username, address.password]);
    const steps = ['c/proc', `r${root}`, 'e', `x${NODE_COMMAND[0]}`, '--', ...NODE_COMMAND];
    const script = ['-e', CLIENT, '--', address.socketPath ?? '', login, JSON.stringify(calls)];
    const Cmd = [`${root}${ENTER}`, ...steps, ...script];
    const exec = await container.exec({ Cmd, User: '0:0', AttachStdout: true, AttachStderr: true });
    const stream = await exec.start({});
    let text = '';
    for await (const bytes of stream) text += String(bytes);
    const found = /\[.*\]/.exec(text)?.[0];
    if (found === undefined) throw new Error(`no replies: ${text}`);
    return JSON.parse(found) as string[];
  };

  test('R3, R6: reaches its own run alone, reads what the service decided, and administers nothing', async () => {
    const foreign = [recordKey, logKey, indexKey, fixedKey, leaseKey].map((key) => key(other));
    const keys = [
      ...foreign,
      leaseKey(own),
      recordKey(newRunId()),
      ACTIVE_RUNS,
      runsIndex('default'),
      'runloom:secrets-key',
    ];
    const refused: readonly Call[] = [
      ...keys.flatMap((key): Call[] => [
        ['HGETALL', key],
        ['HSET', key, 'tenant', 'mine'],
        ['XRANGE', key, '-', '+'],
        ['PEXPIRE', key, '1'],
        ['DEL', key],
        ['GET', key],
      ]),
      ['HSET', fixedKey(own), 'tenant', 'other'],
      ['PEXPIRE', fixedKey(own), '1'],
      ['EVALSHA', sha(CLAIM), '2', recordKey(other), logKey(other), 'me', '0', 'RUNNING', ''],
      ['EVALSHA', sha(APPEND), '3', fixedKey(own), logKey(own), indexKey(own), '1', 'me'],
      ['EVAL', 'while true do end', '0'],
      ['EVAL_RO', 'return 1', '0'],
      ['SCRIPT', 'LOAD', 'return 1'],
      ['FUNCTION', 'LIST'],
      ['FCALL', 'f', '0'],
      ['CONFIG', 'GET', '*'],
      ['CONFIG', 'SET', 'dir', '/tmp'],
      ['ACL', 'LIST'],
      ['ACL', 'SETUSER', 'me', 'on', 'nopass'],
      ['CLIENT', 'LIST'],
      ['CLIENT', 'KILL', 'TYPE', 'normal'],
      ['MONITOR'],
      ['KEYS', '*'],
      ['SCAN', '0'],
      ['DBSIZE'],
      ['INFO'],
      ['MODULE', 'LIST'],
      ['SHUTDOWN', 'NOSAVE'],
      ['FLUSHALL'],
      ['DEBUG', 'SLEEP', '1'],
      ...['run_updates', logChannel(other), controlChannel(other), 'runloom:revoked'].flatMap((channel): Call[] => [
        ['PUBLISH', channel, '{}'],
        ['SUBSCRIBE', channel],
        ['PSUBSCRIBE', `${channel}*`],
      ]),
    ];
    const allowed: readonly Call[] = [['HGET', recordKey(own), 'id'], ['HGET', fixedKey(own), 'tenant'], ['TIME']];
    const replies = await ask([...allowed, ...refused]);
    expect(replies.slice(0, allowed.length)).toEqual(['$36', '$7', '*2']);
    const answered = refused.flatMap((call, i) => {
      const reply = replies[allowed.length + i] ?? 'no reply';
      return /^-NOPERM|command not allowed/.test(reply) ? [] : [`${call.join(' ')}: ${reply}`];
    });
    expect(answered).toEqual([]);
    const { status } = await untilRun(url, other, () => true);
    expect(status).toBe('RUNNING');
  }, 120_000);

  test('cannot log in as anybody else, and nobody can without a login', async () => {
    const replies = await ask([
      ['AUTH', 'default', ''],
      ['AUTH', 'default', 'x'],
      ['AUTH', `runloom-executor:x:${other}:1`, 'x'],
      ['RESET'],
      ['HGET', recordKey(own), 'id'],
    ]);
    for (const reply of replies.slice(0, 3)) expect(reply).toMatch(/^-WRONGPASS/);
    expect(replies.at(-1)).toMatch(/^-NOAUTH/);
  });
});
