/** The scalar DateTime. Inside the service an instant is a number of milliseconds since the Unix epoch. */
import { GraphQLScalarType, Kind } from 'graphql';
import type { EpochMs } from '../../../domain/events.ts';

/** The instant as RFC 3339 in UTC with milliseconds. @throws RangeError beyond the year 275760 */
export const toDateTime = (instant: EpochMs): string => new Date(instant).toISOString();

/** date-time of RFC 3339. Date.parse alone reads much more, such as "1". */
const RFC_3339 = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)$/;

const parseDateTime = (value: unknown): EpochMs => {
  const instant = typeof value === 'string' && RFC_3339.test(value) ? Date.parse(value) : Number.NaN;
  if (Number.isNaN(instant)) {
    throw new TypeError('A DateTime must be a string as in RFC 3339, such as 2026-01-31T12:00:00.000Z.');
  }
  return instant;
};

export const GraphQLDateTime = new GraphQLScalarType<EpochMs, string>({
  name: 'DateTime',
  description: 'An instant in UTC: RFC 3339 with milliseconds, such as 2026-01-31T12:00:00.000Z.',
  specifiedByURL: 'https://scalars.graphql.org/andimarek/date-time',
  coerceOutputValue: (value) => toDateTime(value as EpochMs),
  coerceInputValue: parseDateTime,
  coerceInputLiteral: (node) => parseDateTime(node.kind === Kind.STRING ? node.value : null),
});
