/** The viewer in a real browser with a real service, for tests of its pages. */
import type { BrowserContextOptions, Locator, Page } from 'playwright-core';
import { expect, onTestFinished } from 'vitest';
import { startService, type TestService } from '../service.ts';
import type { ServiceOptions } from '../startedService.ts';
import { hasBrowser, type OpenPage, startBrowser, type TestBrowser } from './browser.ts';
import { request, startRun } from './client.ts';

/** The machine can be busy; every condition gets this long. */
export const SOON = { timeout: 20_000 };

export class TestViewer implements AsyncDisposable {
  readonly service: TestService;
  readonly #browser: TestBrowser | null;

  constructor(service: TestService, browser: TestBrowser | null) {
    this.service = service;
    this.#browser = browser;
  }

  /** With a new profile, which is closed with the test. */
  async open(path: string, reader?: BrowserContextOptions): Promise<OpenPage> {
    const opened = (await this.#browser?.open(reader)) ?? expect.fail('no browser');
    onTestFinished(() => opened.context.close());
    await opened.page.goto(`${this.service.url}/${path}`);
    return opened;
  }

  /** Starts a run of a shell script. @returns its id */
  shell(script: string): Promise<string> {
    return startRun(this.service.url, { command: ['sh', '-c', script] });
  }

  /** As `shell`, and waits for its end. */
  async finished(script: string): Promise<string> {
    const runId = await this.shell(script);
    const status = async (): Promise<unknown> =>
      (await request(this.service.url, `{ run(id: "${runId}") { finishedAt } }`)).data?.run;
    await expect.poll(status, { timeout: 30_000 }).not.toEqual({ finishedAt: null });
    return runId;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#browser?.[Symbol.asyncDispose]();
    await this.service.stop();
  }
}

/** Resolves when `/` is served: the first start builds the viewer. */
export const startViewer = async (options: ServiceOptions = {}): Promise<TestViewer> => {
  const service = await startService(options);
  const browser = hasBrowser ? await startBrowser() : null;
  await fetch(service.url);
  return new TestViewer(service, browser);
};

/** Texts of the rows that are in the document. */
export const rowTexts = (page: Page): Promise<string[]> => page.locator('.row .text').allTextContents();
export const row = (page: Page, text: string): Locator => page.locator('.row .text').getByText(text, { exact: true });
