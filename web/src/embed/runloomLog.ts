/** The custom element `<runloom-log>`. Importing this file registers it. */
import base from '../look/base.css?inline';
import logStyle from '../look/log.css?inline';
import pages from '../look/pages.css?inline';
import { elementTokens } from './elementTokens.ts';
import type { RunloomLogElement, RunloomLogState, TokenSource } from './elementTypes.ts';
import own from './embed.css?inline';
import { showLog } from './showLog.tsx';

const NAME = 'runloom-log';

/** Shared by all elements. A strict Content-Security-Policy allows it, where it would not allow a style element. */
const style = new CSSStyleSheet();
style.replaceSync([base, pages, logStyle, own].join('\n'));

export class RunloomLog extends HTMLElement implements RunloomLogElement {
  static readonly observedAttributes = ['endpoint', 'run-id', 'token'];
  readonly #root = this.attachShadow({ mode: 'open' });
  #token: TokenSource = null;
  /** What is shown; null: nothing. */
  #shown: string | null = null;
  #remove: () => void = () => undefined;
  #isScheduled = false;

  constructor() {
    super();
    this.#root.adoptedStyleSheets = [style];
  }

  get endpoint(): string {
    return this.getAttribute('endpoint') ?? '';
  }
  set endpoint(url: string) {
    this.setAttribute('endpoint', url);
  }
  get runId(): string {
    return this.getAttribute('run-id') ?? '';
  }
  set runId(id: string) {
    this.setAttribute('run-id', id);
  }
  get token(): TokenSource {
    return this.#token ?? this.getAttribute('token');
  }
  set token(token: TokenSource) {
    this.#token = token;
    this.#schedule();
  }

  connectedCallback(): void {
    for (const name of ['endpoint', 'runId', 'token'] as const) this.#adopt(name);
    this.#schedule();
  }
  disconnectedCallback(): void {
    this.#schedule();
  }
  attributeChangedCallback(): void {
    this.#schedule();
  }

  /** A property that was set before the element was defined hides the accessor of the class. */
  #adopt(name: 'endpoint' | 'runId' | 'token'): void {
    const early = Object.getOwnPropertyDescriptor(this, name);
    if (early === undefined) return;
    delete this[name];
    Object.assign(this, { [name]: early.value });
  }

  /** Once for all changes of a task, so that an element that is moved keeps its log. */
  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    queueMicrotask(() => {
      this.#isScheduled = false;
      this.#update();
    });
  }

  #update(): void {
    const { endpoint, runId, isConnected } = this;
    // A function in place of another one changes nothing: it is called at the next need.
    const tokenKind = typeof this.token === 'function' ? 'function' : this.token;
    const wanted = isConnected && endpoint !== '' && runId !== '' ? JSON.stringify([endpoint, runId, tokenKind]) : null;
    if (wanted === this.#shown) return;
    this.#shown = wanted;
    this.#remove();
    this.#remove = wanted === null ? () => undefined : this.#show();
  }

  #show(): () => void {
    const onState = (detail: RunloomLogState): void =>
      void this.dispatchEvent(new CustomEvent('runloom-state', { detail, bubbles: true }));
    const url = new URL(this.endpoint, document.baseURI).href;
    const { runId, ariaLabel } = this;
    const label = ariaLabel ?? `Log of run ${runId}`;
    return showLog(this.#root, { url, runId, label, tokens: elementTokens(() => this.token), onState });
  }
}

if (customElements.get(NAME) === undefined) customElements.define(NAME, RunloomLog);
