import { isIP } from 'node:net';

/** Whether only this machine can reach it: 127.0.0.0/8, ::1 and localhost. */
export const isLoopback = (name: string): boolean =>
  (isIP(name) === 4 && name.startsWith('127.')) || name === '::1' || name.toLowerCase() === 'localhost';
