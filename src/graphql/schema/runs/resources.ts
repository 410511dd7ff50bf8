/** Resources and ResourcesInput. */
import type { Resources as ResourcesValue } from '../../../domain/run.ts';
import { builder } from '../base/builder.ts';

export const Resources = builder.objectRef<ResourcesValue>('Resources').implement({
  description: 'The most that the run can use. Null where the launcher enforces no limit.',
  fields: (t) => ({
    cpus: t.exposeFloat('cpus', { nullable: true, description: 'CPU cores, such as 0.5.' }),
    memoryMb: t.exposeInt('memoryMb', { nullable: true, description: 'Memory in MiB (1024 x 1024 bytes).' }),
  }),
});

export const ResourcesInput = builder.inputType('ResourcesInput', {
  description: 'The most that the run can use.',
  fields: (t) => ({
    cpus: t.float({ description: 'CPU cores, such as 0.5.' }),
    memoryMb: t.int({
      description: 'Memory in MiB (1024 x 1024 bytes). At least 64, which the executor itself needs.',
    }),
  }),
});
