/** Debian's Chromium, headless. It records everything that a page requests. */
import { existsSync } from 'node:fs';
import { type Browser, type BrowserContext, type BrowserContextOptions, chromium, type Page } from 'playwright-core';

const EXECUTABLES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
const executablePath = EXECUTABLES.find((path) => existsSync(path));

/** False if no Chromium is installed: tests that need one are then skipped, and fail in CI. */
export const hasBrowser = executablePath !== undefined;

export interface TestBrowser extends AsyncDisposable {
  readonly browser: Browser;
  /** Opens a page with a new profile. `reader`: such as their language. */
  open(reader?: BrowserContextOptions): Promise<OpenPage>;
}
export interface OpenPage {
  readonly page: Page;
  readonly context: BrowserContext;
  /** Requested addresses, including those of WebSockets. */
  readonly requests: readonly string[];
  /** Protocol messages that the page sent over WebSockets. */
  readonly sent: readonly { readonly type: string; readonly payload?: unknown }[];
  /** Errors of the page: thrown, or written to the console. */
  readonly faults: readonly string[];
}

export const startBrowser = async (): Promise<TestBrowser> => {
  const browser = await chromium.launch({
    ...(executablePath === undefined ? {} : { executablePath }),
    // Without these Chromium contacts hosts of its vendor, and it has no GPU here.
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
  const open = async (reader: BrowserContextOptions = {}): Promise<OpenPage> => {
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...reader });
    const page = await context.newPage();
    const requests: string[] = [];
    const faults: string[] = [];
    const sent: { readonly type: string }[] = [];
    context.on('request', (request) => requests.push(request.url()));
    page.on('websocket', (socket) => {
      requests.push(socket.url());
      socket.on('framesent', ({ payload }) => void sent.push(JSON.parse(String(payload))));
    });
    page.on('pageerror', (error) => faults.push(String(error)));
    page.on('console', (message) => {
      if (message.type() === 'error') faults.push(message.text());
    });
    return { page, context, requests, sent, faults };
  };
  return { browser, open, [Symbol.asyncDispose]: () => browser.close() };
};
