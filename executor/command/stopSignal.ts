/** The signal that asks a command to end: its image's STOPSIGNAL. Pure. */
import { constants } from 'node:os';

/** Linux. The C library uses 32 and 33 itself, so SIGRTMIN is 34 (signal(7)). */
const RTMIN = 34;
const RTMAX = 64;
/** Names that images use and Node.js does not know. */
const MORE_NAMES: Readonly<Record<string, number>> = { SIGCLD: constants.signals.SIGCHLD };

/**
 * The number of a signal as Dockerfiles write it: "SIGQUIT", "quit", "3", "SIGRTMIN+3", "RTMAX-1". SIGTERM if the text
 * is not a signal, or is '' because the image has none.
 */
export const parseStopSignal = (text: string): number =>
  signalNumber(text.trim().toUpperCase()) ?? constants.signals.SIGTERM;

const signalNumber = (text: string): number | null => {
  if (/^\d+$/.test(text)) return inRange(Number(text), 1);
  const name = text.startsWith('SIG') ? text : `SIG${text}`;
  const [, from, sign, offset] = /^SIGRT(MIN|MAX)(?:([+-])(\d+))?$/.exec(name) ?? [];
  if (from !== undefined) {
    const base = from === 'MIN' ? RTMIN : RTMAX;
    return inRange(base + Number(`${sign ?? '+'}${offset ?? 0}`), RTMIN);
  }
  const known: Readonly<Record<string, number>> = { ...constants.signals, ...MORE_NAMES };
  return known[name] ?? null;
};

const inRange = (number: number, least: number): number | null => (number >= least && number <= RTMAX ? number : null);
