import { expect, test } from 'vitest';
import { bytesUnderWay } from '../../../bench/sockets.ts';

/** In the kernel's format (proc(5)): the server listens on 4000 (0FA0); viewers use 54321 (D431) and 54322 (D432). */
const IPV4 = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:0FA0 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1000 1 0
   1: 0100007F:0FA0 0100007F:D431 01 00000100:00000000 01:00000014 00000000     0        0 1001 2 0
   2: 0100007F:0FA0 0100007F:D433 01 00100000:00000000 01:00000014 00000000     0        0 1003 2 0
   3: 0100007F:D431 0100007F:0FA0 01 00000000:00000020 00:00000000 00000000     0        0 1004 2 0
`;
const IPV6 = `  sl  local_address                         remote_address                        st tx_queue rx_queue
   0: 0000000000000000FFFF00000100007F:0FA0 0000000000000000FFFF00000100007F:D432 01 00000001:00000000 00:00000000
`;

test('bytes in the kernel between a server and its viewers are counted in both tables, at both ends', () => {
  expect(bytesUnderWay(4000, [54_321, 54_322], [IPV4, IPV6])).toBe(0x100 + 0x20 + 1);
  expect(bytesUnderWay(4000, [54_322], [IPV4, IPV6])).toBe(1);
  expect(bytesUnderWay(4001, [54_321, 54_322], [IPV4, IPV6])).toBe(0);
});
