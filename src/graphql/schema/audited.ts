/** Writes the audit trail around the fields that change something, whether they succeed or fail. */
import { type GraphQLFieldResolver, type GraphQLSchema, isObjectType } from 'graphql';
import type { AuditAction, AuditEntry } from '../../audit/auditTrail.ts';
import { Refusal } from '../../domain/errors.ts';
import { parseRunId } from '../../domain/ids.ts';
import { LIMITS } from '../../domain/limits.ts';
import type { ApiContext } from '../context/context.ts';

/** By `Type.field`. A test fails for a mutation without a row. */
export const AUDITED: Readonly<Record<string, AuditAction>> = {
  'Mutation.startRun': 'run.started',
  'Mutation.cancelRun': 'run.cancelled',
  'Mutation.retryRun': 'run.retried',
  'Mutation.deleteRun': 'run.deleted',
  'Mutation.createRunToken': 'runToken.created',
  'Mutation.createApiToken': 'apiToken.created',
  'Mutation.revokeApiToken': 'apiToken.revoked',
  'StartRunPayload.token': 'runToken.created',
};

interface WithId {
  readonly id: string;
}
/** What these fields return, and the object that the field belongs to: all that the trail needs of them. */
interface Subject {
  readonly id?: string;
  readonly run?: WithId;
  readonly repeated?: boolean;
  readonly apiToken?: WithId;
  readonly runToken?: WithId;
}
interface Asked {
  readonly runId?: string;
  readonly runIds?: readonly string[];
  readonly id?: string;
}
type Ids = Pick<AuditEntry, 'runId' | 'repeated' | 'retryOf' | 'runIds' | 'tokenId'>;

/** Clients choose what they ask for. */
const shown = (id: string): string => parseRunId(id) ?? 'not an id';

const idsOf = (action: AuditAction, asked: Asked, parent: Subject | undefined, result: Subject): Ids => {
  const [about, known] = [asked.runId && shown(asked.runId), result.run?.id ?? parent?.run?.id];
  const tokenId = result.apiToken?.id ?? result.runToken?.id ?? result.id ?? (asked.id && shown(asked.id));
  const runIds = asked.runIds?.slice(0, LIMITS.runTokenRuns).map(shown);
  return {
    ...(known || about ? { runId: known ?? about } : {}),
    ...(result.repeated === true ? { repeated: true } : {}),
    ...(action === 'run.retried' && known && about ? { retryOf: about } : {}),
    ...(runIds === undefined ? {} : { runIds }),
    ...(tokenId ? { tokenId } : {}),
  };
};

type Resolver = GraphQLFieldResolver<Subject | undefined, ApiContext>;

const audited =
  (action: AuditAction, resolve: Resolver): Resolver =>
  async (parent, args, context, info) => {
    const { audit, caller, address } = context;
    const { input = {} } = args as { readonly input?: Asked };
    const note = (outcome: AuditEntry['outcome'], result: Subject): void =>
      audit.record({ action, caller, address, outcome, ...idsOf(action, input, parent, result) });
    try {
      const result = (await resolve(parent, args, context, info)) as Subject;
      note('ok', result);
      return result;
    } catch (error) {
      note(error instanceof Refusal ? error.code : 'INTERNAL_SERVER_ERROR', {});
      throw error;
    }
  };

/** Wraps the resolvers of these fields. @throws Error for a row without a field */
export const auditFields = (schema: GraphQLSchema): GraphQLSchema => {
  for (const [name, action] of Object.entries(AUDITED)) {
    const [typeName = '', fieldName = ''] = name.split('.');
    const type = schema.getType(typeName);
    const field = isObjectType(type) ? type.getFields()[fieldName] : undefined;
    if (field?.resolve === undefined)
      throw new Error(`${name} is in the table of audited fields but not in the schema`);
    field.resolve = audited(action, field.resolve as Resolver);
  }
  return schema;
};
