import { Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { LIMITS } from '../../../src/domain/limits.ts';
import { Connections } from '../../../src/http/connectionLimit.ts';

/** A socket of an address that this machine does not have. */
const from = (remoteAddress: string): Socket => {
  const socket = new Socket();
  onTestFinished(() => void socket.destroy());
  return Object.defineProperty(socket, 'remoteAddress', { value: remoteAddress });
};

test('S9e, S9g: a client cannot have more connections by using other addresses of its IPv6 network', () => {
  const connections = new Connections({ perAddress: 10, all: 10_000 });
  const most = 10 + LIMITS.connectionsBesideSockets;
  const admitted = (address: string): boolean => {
    const socket = from(address);
    connections.admit(socket);
    return !socket.destroyed;
  };
  for (let i = 1; i <= most; i += 1) expect(admitted(`2001:db8:1:2::${i.toString(16)}`)).toBe(true);
  expect(admitted('2001:db8:1:2:3:4:5:6')).toBe(false);
  expect(admitted('2001:db8:1:3::1')).toBe(true);
});
