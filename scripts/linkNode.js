/**
 * Makes `node` in npm scripts the Node.js 24 that npm install brought, whatever Node.js runs npm. Repeatable; plain
 * JavaScript, since Node.js 20 runs it. Two optional packages (x64, arm64) have the command `node`; when npm 10 removes
 * the one of the other architecture, it takes the link of the right one along.
 */
import { existsSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';

const binary = `node-linux-${process.arch}/bin/node`;
const link = 'node_modules/.bin/node';

if (process.platform === 'linux' && existsSync(`node_modules/${binary}`) && !existsSync(link)) {
  mkdirSync('node_modules/.bin', { recursive: true });
  // A link that leads nowhere does not exist for existsSync.
  rmSync(link, { force: true });
  symlinkSync(`../${binary}`, link);
}
