/** An engine that only one test run uses. */
export interface TestEngine {
  readonly socketPath: string;
  /** Ends it and removes its containers, images and files. May be called again. */
  stop(): Promise<void>;
}
