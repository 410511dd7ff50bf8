/** How much memory a server holds after a garbage collection, asked through node's inspector. */
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import WebSocket from 'ws';

export interface Inspector {
  readonly nodeFlags: readonly string[];
  /** JavaScript heap and external memory (buffers) after a garbage collection, bytes. */
  heldBytes(): Promise<number>;
}

const freePort = async (): Promise<number> => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
};

/** Sends commands of the Chrome DevTools Protocol one by one; returns the result of the last one. */
const ask = async (url: string, commands: readonly { readonly method: string; readonly params?: object }[]) => {
  const socket = new WebSocket(url);
  try {
    let result: unknown;
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
    for (const [id, command] of commands.entries()) {
      const answered = new Promise<string>((resolve) => socket.once('message', (bytes) => resolve(String(bytes))));
      socket.send(JSON.stringify({ id, ...command }));
      result = (JSON.parse(await answered) as { readonly result: unknown }).result;
    }
    return result;
  } finally {
    socket.terminate();
  }
};

export const createInspector = async (): Promise<Inspector> => {
  const port = await freePort();
  return {
    nodeFlags: [`--inspect=127.0.0.1:${port}`, '--inspect-publish-uid=http'],
    async heldBytes() {
      const response = await fetch(`http://127.0.0.1:${port}/json/list`);
      const [page] = (await response.json()) as { readonly webSocketDebuggerUrl: string }[];
      const expression = 'JSON.stringify(process.memoryUsage())';
      const answer = (await ask(page?.webSocketDebuggerUrl ?? '', [
        { method: 'HeapProfiler.collectGarbage' },
        { method: 'HeapProfiler.collectGarbage' },
        { method: 'Runtime.evaluate', params: { expression } },
      ])) as { readonly result: { readonly value: string } };
      const { heapUsed, external } = JSON.parse(answer.result.value) as NodeJS.MemoryUsage;
      return heapUsed + external;
    },
  };
};
