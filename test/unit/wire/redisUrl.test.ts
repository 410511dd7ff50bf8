import { expect, test } from 'vitest';
import { describeRedisUrl, formatRedisUrl, parseRedisUrl } from '../../../src/wire/redisUrl.ts';

test('reads TCP addresses with their defaults', () => {
  expect(parseRedisUrl('redis://localhost')).toEqual({
    socketPath: null,
    host: 'localhost',
    port: 6379,
    tls: false,
    username: null,
    password: null,
    db: 0,
  });
  expect(parseRedisUrl('rediss://u:p%40w@[::1]:7000/3')).toMatchObject({
    host: '::1',
    port: 7000,
    tls: true,
    username: 'u',
    password: 'p@w',
    db: 3,
  });
  expect(parseRedisUrl('redis://:only@h')).toMatchObject({ username: null, password: 'only' });
});

test('reads Unix sockets with login and database', () => {
  expect(parseRedisUrl('unix:///run/redis.sock')).toMatchObject({
    socketPath: '/run/redis.sock',
    db: 0,
    password: null,
  });
  expect(parseRedisUrl('unix://me:p%2Fw@/run/a%20b.sock?db=4')).toMatchObject({
    socketPath: '/run/a b.sock',
    username: 'me',
    password: 'p/w',
    db: 4,
  });
});

test('a formatted address is read back unchanged', () => {
  const urls = ['redis://h', 'rediss://u:p%40w@[::1]:7000/3', 'unix://me:p%2Fw@/run/a%20b%3F.sock?db=4', 'unix:///x'];
  for (const url of urls) expect(parseRedisUrl(formatRedisUrl(parseRedisUrl(url)))).toEqual(parseRedisUrl(url));
});

test('describes an address without its login', () => {
  expect(describeRedisUrl('redis://user:secret@h:1/2')).toBe('redis://h:1/2');
  expect(describeRedisUrl('unix://user:secret@/x')).toBe('unix:///x');
});

test('refuses an invalid address', () => {
  for (const url of ['', 'h', 'http://h', 'unix:relative', 'unix://host/path', 'redis://h/abc', 'redis://h:99999']) {
    expect(() => parseRedisUrl(url), url).toThrow();
  }
});
