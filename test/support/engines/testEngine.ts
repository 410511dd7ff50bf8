/** An engine that one run of the tests has for itself. */
export interface TestEngine {
  readonly socketPath: string;
  /** Ends it and removes all containers, images and files of it. Safe to call more than once. */
  stop(): Promise<void>;
}
