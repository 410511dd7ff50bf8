/** Annotation and AnnotationKind. */
import type { Annotation as Given } from '../../../domain/events.ts';
import { builder } from '../base/builder.ts';

const AnnotationKind = builder.enumType('AnnotationKind', {
  description: 'The workflow command of an annotation.',
  values: {
    DEBUG: { description: '`::debug::`' },
    NOTICE: { description: '`::notice::`' },
    WARNING: { description: '`::warning::`' },
    ERROR: { description: '`::error::`' },
  } as const,
});

export const Annotation = builder.objectRef<Given>('Annotation').implement({
  description: 'What a workflow command says about a place in a file. Null where it does not say it.',
  fields: (t) => ({
    kind: t.field({ type: AnnotationKind, resolve: ({ kind }) => kind, description: 'The command.' }),
    title: t.exposeString('title', { nullable: true, description: 'Its title.' }),
    file: t.exposeString('file', { nullable: true, description: 'Path of the file, as the command printed it.' }),
    line: t.exposeInt('line', { nullable: true, description: 'Line of the file, as a rule from 1.' }),
    endLine: t.exposeInt('endLine', { nullable: true, description: 'Last line, if it is about several.' }),
    column: t.exposeInt('column', { nullable: true, description: 'Column of the line.' }),
    endColumn: t.exposeInt('endColumn', { nullable: true, description: 'Last column.' }),
  }),
});
