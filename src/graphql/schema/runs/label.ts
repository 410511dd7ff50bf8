/** Label and LabelInput. */
import type { Label as LabelValue } from '../../../domain/run.ts';
import { builder } from '../base/builder.ts';

export const Label = builder.objectRef<LabelValue>('Label').implement({
  description: 'A name and a value that were given to a run, to find it again.',
  fields: (t) => ({
    name: t.exposeString('name', { description: 'Unique within the run.' }),
    value: t.exposeString('value', { description: 'Any string; it can be empty.' }),
  }),
});

export const LabelInput = builder.inputType('LabelInput', {
  description: 'A name and a value to find runs by.',
  fields: (t) => ({
    name: t.string({ required: true, description: 'Not empty; unique within the run.' }),
    value: t.string({ required: true, description: 'Any string; it can be empty.' }),
  }),
});
