/**
 * Makes npm scripts use the Node.js 24 that npm install installed, whatever Node.js runs npm. It can be repeated. It is
 * plain JavaScript, since Node.js 20 can run it. Two optional packages (x64, arm64) have the command `node`. When npm 10
 * removes the package of the other architecture, it also removes the link of the right one.
 */
import { existsSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';

const binary = `node-linux-${process.arch}/bin/node`;
const link = 'node_modules/.bin/node';

if (process.platform === 'linux' && existsSync(`node_modules/${binary}`) && !existsSync(link)) {
  mkdirSync('node_modules/.bin', { recursive: true });
  // existsSync returns false for a broken link.
  rmSync(link, { force: true });
  symlinkSync(`../${binary}`, link);
}
