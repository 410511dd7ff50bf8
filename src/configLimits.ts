/** The variables that limit callers, addresses and tenants (docs/reference/limits.md). 0 turns a limit off. */
import { z } from 'zod';
import { whole } from './configFields.ts';
import { LIMITS } from './domain/limits.ts';
import type { LimitSettings } from './limits/limitSettings.ts';

/** A limit whose default depends on whether callers are told apart. */
const limit = (name: string) =>
  z
    .string()
    .regex(/^\d+$/, `must be a whole number, ${name} (0: no limit)`)
    .transform(Number)
    .refine((value) => value <= MOST, `must be from 0 to ${MOST}, ${name} (0: no limit)`)
    .optional();
/** More than any of them needs; every sum of them is an exact number in Redis and here. */
const MOST = 1_000_000_000;

export const limitFields = {
  LIMIT_STARTS_PER_MINUTE: limit('runs'),
  LIMIT_STARTS_PER_MINUTE_PER_ADDRESS: limit('runs'),
  LIMIT_MESSAGES_PER_SECOND: limit('messages'),
  LIMIT_MESSAGES_PER_SECOND_PER_ADDRESS: limit('messages'),
  LIMIT_COST_PER_MINUTE: limit('points'),
  LIMIT_COST_PER_MINUTE_PER_ADDRESS: limit('points'),
  LIMIT_FAILED_LOGINS_PER_MINUTE: limit('wrong tokens'),
  MAX_SOCKETS_PER_CALLER: limit('WebSockets'),
  MAX_SUBSCRIPTIONS_PER_CALLER: limit('subscriptions'),
  MAX_DOCUMENT_COST: whole('points (0: no limit)', 0, MOST, LIMITS.documentCost),
  MAX_QUEUED_RUNS: whole('runs (0: no limit)', 0, MOST, LIMITS.queuedRuns),
};

type Values = z.infer<z.ZodObject<typeof limitFields>>;

/**
 * @param guarded false where everybody is the local admin on a loopback address: rates and numbers of callers are then
 *   off unless they are set
 */
export const limitSettings = (values: Values, guarded: boolean): LimitSettings => {
  const or = (given: number | undefined, fallback: number): number => given ?? (guarded ? fallback : 0);
  return {
    startsPerMinute: {
      caller: or(values.LIMIT_STARTS_PER_MINUTE, LIMITS.callerStartsPerMinute),
      address: or(values.LIMIT_STARTS_PER_MINUTE_PER_ADDRESS, LIMITS.addressStartsPerMinute),
    },
    messagesPerSecond: {
      caller: or(values.LIMIT_MESSAGES_PER_SECOND, LIMITS.callerMessagesPerSecond),
      address: or(values.LIMIT_MESSAGES_PER_SECOND_PER_ADDRESS, LIMITS.callerMessagesPerSecond),
    },
    costPerMinute: {
      caller: or(values.LIMIT_COST_PER_MINUTE, LIMITS.callerCostPerMinute),
      address: or(values.LIMIT_COST_PER_MINUTE_PER_ADDRESS, LIMITS.callerCostPerMinute),
    },
    failedLoginsPerMinute: or(values.LIMIT_FAILED_LOGINS_PER_MINUTE, LIMITS.failedLoginsPerMinute),
    socketsPerCaller: or(values.MAX_SOCKETS_PER_CALLER, LIMITS.socketsPerCaller),
    subscriptionsPerCaller: or(values.MAX_SUBSCRIPTIONS_PER_CALLER, LIMITS.subscriptionsPerCaller),
    documentCost: values.MAX_DOCUMENT_COST,
    queuedRuns: values.MAX_QUEUED_RUNS,
  };
};
