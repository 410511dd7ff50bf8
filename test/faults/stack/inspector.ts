/** Active timers and handles of a service, read through its inspector (Chrome DevTools Protocol, Runtime.evaluate). */
import WebSocket from 'ws';
import type { Stack } from './stack.ts';

export interface Inspected {
  /** Timers and handles that are active. */
  resources(): Promise<number>;
}

export interface InspectedServices extends AsyncDisposable {
  readonly all: readonly Inspected[];
}

/** The services were started with --inspect=127.0.0.1:0. @throws Error if one printed no address */
export const inspected = async (stack: Stack, indexes: readonly number[]): Promise<InspectedServices> => {
  const sockets: WebSocket[] = [];
  const all: Inspected[] = [];
  for (const index of indexes) {
    const url = /^Debugger listening on (ws:\S+)$/m.exec(stack.printed(index))?.[1];
    if (url === undefined) throw new Error(`service ${index} has no inspector`);
    const socket = new WebSocket(url);
    sockets.push(socket);
    await new Promise<void>((resolve, reject) => socket.once('open', resolve).once('error', reject));
    all.push({ resources: () => evaluate(socket, 'process.getActiveResourcesInfo().length') });
  }
  return {
    all,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.terminate();
    },
  };
};

let lastId = 0;
const evaluate = (socket: WebSocket, expression: string): Promise<number> => {
  lastId += 1;
  const id = lastId;
  return new Promise((resolve) => {
    const onMessage = (bytes: Buffer): void => {
      const answer = JSON.parse(bytes.toString()) as { id: number; result: { result: { value: number } } };
      if (answer.id !== id) return;
      socket.off('message', onMessage);
      resolve(answer.result.result.value);
    };
    socket.on('message', onMessage);
    socket.send(JSON.stringify({ id, method: 'Runtime.evaluate', params: { expression } }));
  });
};
