/** The service cannot start, for a reason that the operator can remove. It is printed as one line, without a stack. */
export class StartFailure extends Error {
  override readonly name = 'StartFailure';
  /** One of EXIT. */
  readonly exitCode: number;
  constructor(message: string, exitCode: number, cause?: unknown) {
    super(message, { cause });
    this.exitCode = exitCode;
  }
}

/** EX_UNAVAILABLE, EX_SOFTWARE and EX_CONFIG of sysexits.h (https://man.freebsd.org/cgi/man.cgi?query=sysexits). */
export const EXIT = { unavailable: 69, software: 70, config: 78 } as const;
