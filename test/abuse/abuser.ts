/** The process of an abuser: begins at once, and tells what it was told when its parent asks it to stop. */
import { ABUSES, type Targets } from './abuses.ts';
import { createWire } from './wire.ts';

export interface AbuserOptions {
  readonly names: readonly string[];
  readonly port: number;
  readonly targets: Targets;
}

const { names, port, targets } = JSON.parse(process.argv[2] ?? '') as AbuserOptions;
const stop = new AbortController();
const abusers = ABUSES.filter(({ name }) => names.includes(name)).map((abuse, i) => {
  // Each is a client of its own; a service bounds what one address does.
  const wire = createWire(port, `127.0.1.${i + 1}`, stop.signal);
  abuse.run(wire, targets).catch((error: unknown) => wire.note(String(error)));
  return wire;
});
process.once('message', () => {
  const told = abusers.map((wire) => wire.told() || 'nothing').join('; ');
  stop.abort();
  process.send?.(told, () => process.exit(0));
});
// A parent that died leaves nobody behind.
process.once('disconnect', () => process.exit(1));
