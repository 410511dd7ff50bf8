import { GraphQLError } from 'graphql';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { NotFound } from '../../../../src/domain/errors.ts';
import { createErrorMask } from '../../../../src/graphql/server/errorMask.ts';

const mask = createErrorMask(pino({ level: 'silent' }));
const thrown = (extensions: Record<string, unknown>): GraphQLError =>
  new GraphQLError('text of a library', { path: ['run'], extensions });

test('X1: an error with a code of the catalogue keeps it, also a refusal inside other errors', () => {
  expect(mask(thrown({ code: 'BAD_REQUEST' })).extensions).toMatchObject({ code: 'BAD_REQUEST' });
  const wrapped = new GraphQLError('outer', { originalError: new NotFound() });
  expect(mask(wrapped).extensions).toEqual({ code: 'NOT_FOUND' });
});

test('X1, X2: an error with an unknown code becomes INTERNAL_SERVER_ERROR, without its text', () => {
  for (const code of ['MADE_UP', 'toString', 42, null]) {
    const { message, extensions } = mask(thrown({ code }));
    expect(extensions).toMatchObject({ code: 'INTERNAL_SERVER_ERROR', id: expect.any(String) });
    expect(message).not.toContain('library');
  }
});
