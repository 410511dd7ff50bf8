/** `npm run executor:build [-- --base=<image>]`: builds the executor image with the container engine that it finds. */
import { parseArgs } from 'node:util';
import { readConfig } from '../src/config.ts';
import { connectEngine } from '../src/launchers/container/engine/engine.ts';
import { findContainerSocket } from '../src/launchers/container/engine/socket.ts';
import { ensureExecutorImage } from '../src/launchers/container/image/executorImage.ts';

const say = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

const { values } = parseArgs({ options: { base: { type: 'string' } } });
const { containerSocket, dockerHost, runtimeDirectory } = readConfig(process.env);
const socketPath = containerSocket ?? (await findContainerSocket({ dockerHost, runtimeDirectory }));
if (socketPath === null) {
  process.stderr.write('No container engine answers. Start Docker or Podman, or set CONTAINER_SOCKET.\n');
  process.exitCode = 1;
} else {
  const docker = await connectEngine(socketPath);
  const base = values.base === undefined ? {} : { baseImage: values.base };
  const name = await ensureExecutorImage(
    { docker, preferRegistry: true, ...base },
    say,
    AbortSignal.timeout(15 * 60_000),
  );
  say(`The executor image is ${name}.`);
}
