/** A token, or what gets one: called again when the service no longer accepts the last one. Null: no token is sent. */
export type TokenSource = string | null | (() => string | null | Promise<string | null>);

export interface RunloomLogState {
  readonly connection: 'idle' | 'connecting' | 'live' | 'reconnecting' | 'ended';
  /** Status of the run, such as RUNNING; null: not known yet. */
  readonly status: string | null;
  /** True: the run has ended, and the page has compared its log with the digest. False: they differ. Null: not known. */
  readonly whole: boolean | null;
  /** What is wrong, for people; null: nothing. */
  readonly error: string | null;
}

/** `<runloom-log>`: the log of one run, live. It fires `runloom-state`. */
export interface RunloomLogElement extends HTMLElement {
  /** URL of the service's GraphQL endpoint, such as `https://runs.example.org/graphql`. Attribute `endpoint`. */
  endpoint: string;
  /** Id of the run. Attribute `run-id`. */
  runId: string;
  /** Attribute `token`, for a token that outlives the page. */
  token: TokenSource;
}

declare global {
  interface HTMLElementTagNameMap {
    'runloom-log': RunloomLogElement;
  }
  interface HTMLElementEventMap {
    'runloom-state': CustomEvent<RunloomLogState>;
  }
}
