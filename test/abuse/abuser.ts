/** The process of an abuser: it begins at once. When its parent asks it to stop, it reports the answers that it got. */
import { ABUSES } from './abuses.ts';
import { createWire, type Targets } from './wire.ts';

export interface AbuserOptions {
  readonly names: readonly string[];
  readonly port: number;
  readonly targets: Targets;
}

const { names, port, targets } = JSON.parse(process.argv[2] ?? '') as AbuserOptions;
const stop = new AbortController();
const abusers = ABUSES.filter(({ name }) => names.includes(name)).map((abuse, i) => {
  // Each abuse has an address of its own, because the service bounds each address.
  const wire = createWire(port, `127.0.1.${i + 1}`, stop.signal);
  abuse.run(wire, targets).catch((error: unknown) => wire.note(String(error)));
  return wire;
});
process.once('message', () => {
  const told = abusers.map((wire) => wire.told() || 'nothing').join('; ');
  stop.abort();
  process.send?.(told, () => process.exit(0));
});
// Ends with its parent.
process.once('disconnect', () => process.exit(1));
