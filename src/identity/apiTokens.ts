/**
 * API tokens in Redis: lasting tokens of programs. Only their hashes are stored. Keys: `runloom:token:<hash>`, a hash with
 * the token's record; `runloom:token-id:<id>`, its hash by its id; `runloom:tokens:<tenant>`, a sorted set of ids whose
 * scores are all 0, so that its order is that of the ids: the order of creation. A token that has expired or was revoked
 * is removed from all three after KEPT_MS.
 */
import type { Redis } from 'ioredis';
import { v7 } from 'uuid';
import { NewestMap } from '../collections/newestMap.ts';
import { type Caller, isScope, type Scope } from '../domain/caller.ts';
import { LimitExceeded, NotFound } from '../domain/errors.ts';
import { LIMITS } from '../domain/limits.ts';
import { PLACE } from '../wire/scripts/limitScripts.ts';
import { Script } from '../wire/scripts/script.ts';
import { hashOfToken, newApiToken } from './apiToken.ts';
import { TokenRefused } from './tokenRefused.ts';

/** The record of a token, as the API shows it. Times in ms since 1970. */
export interface ApiToken {
  readonly id: string;
  readonly name: string;
  readonly tenant: string;
  readonly scopes: readonly Scope[];
  readonly createdAt: number;
  /** Subject of the caller who made it. */
  readonly createdBy: string;
  readonly expiresAt: number | null;
  /** To about a minute. */
  readonly lastUsedAt: number | null;
  readonly revokedAt: number | null;
}

export interface NewApiToken {
  readonly name: string;
  readonly scopes: readonly Scope[];
  readonly expiresAt: number | null;
}

export interface ApiTokenPage {
  /** Newest first. */
  readonly tokens: readonly ApiToken[];
  readonly hasNext: boolean;
}

/** Channel: the id of a token that was revoked. */
export const REVOKED_CHANNEL = 'runloom:revoked';
const KEPT_MS = 30 * 24 * 3_600_000;
/** The use of a token is written at most once in this time, by each process. */
const USE_MS = 60_000;
/** Tokens whose last use a process remembers; the oldest is forgotten, which costs one more write. */
const REMEMBERED = 10_000;

const place = new Script(PLACE);

const tokenKey = (hash: string): string => `runloom:token:${hash}`;
const idKey = (id: string): string => `runloom:token-id:${id}`;
const tenantKey = (tenant: string): string => `runloom:tokens:${tenant}`;

const timeOrNull = (text: string | undefined): number | null => (text ? Number(text) : null);

/** Null if the token does not exist. */
const read = (fields: Readonly<Record<string, string>>): ApiToken | null => {
  const { id, name, tenant, scopes = '', createdAt, createdBy, expiresAt, lastUsedAt, revokedAt } = fields;
  if (id === undefined || name === undefined || tenant === undefined) return null;
  return {
    id,
    name,
    tenant,
    scopes: scopes.split(' ').filter(isScope),
    createdAt: Number(createdAt),
    createdBy: createdBy ?? '',
    expiresAt: timeOrNull(expiresAt),
    lastUsedAt: timeOrNull(lastUsedAt),
    revokedAt: timeOrNull(revokedAt),
  };
};

/** Every method rejects with the connection's error while Redis is away. */
export class ApiTokens {
  readonly #redis: Redis;
  readonly #most: number;
  /** When a use was last written, by the token's hash. */
  readonly #used = new NewestMap<string, number>(REMEMBERED);

  /** @param most tokens of one tenant */
  constructor(redis: Redis, most: number = LIMITS.apiTokensPerTenant) {
    this.#redis = redis;
    this.#most = most;
  }

  /**
   * Makes a token of the maker's tenant, which does not outlive the API token that makes it. The text is returned once and
   * stored nowhere. Where the tenant has as many tokens as it can, the oldest that is not valid any more is removed.
   * @throws LimitExceeded if all of them are valid
   */
  async create(maker: Caller, asked: NewApiToken): Promise<{ readonly token: string; readonly apiToken: ApiToken }> {
    const token = newApiToken();
    const hash = hashOfToken(token);
    const apiToken: ApiToken = {
      ...asked,
      // Not with a token of an identity provider: those always expire, and a tenant's first lasting token is made with one.
      expiresAt: maker.apiTokenId === null ? asked.expiresAt : earlier(asked.expiresAt, maker.expiresAt),
      id: v7(),
      tenant: maker.tenant,
      createdAt: Date.now(),
      createdBy: maker.subject,
      lastUsedAt: null,
      revokedAt: null,
    };
    const { id, name, tenant, createdAt, createdBy, expiresAt } = apiToken;
    const scopes = asked.scopes.join(' ');
    const record = { id, name, tenant, scopes, createdAt, createdBy, expiresAt: expiresAt ?? '' };
    // The record last: without it there is no token, and a token without its id could not be revoked.
    await this.#takePlace(tenant, id);
    await this.#redis.set(idKey(id), hash);
    await this.#redis.hset(tokenKey(hash), record);
    if (expiresAt !== null) await this.#forgetAt(id, hash, expiresAt + KEPT_MS);
    return { token, apiToken };
  }

  /** The token of this text. @throws TokenRefused if it does not exist, has expired or was revoked */
  async find(token: string): Promise<ApiToken> {
    const hash = hashOfToken(token);
    const apiToken = read(await this.#redis.hgetall(tokenKey(hash)));
    if (apiToken === null) throw new TokenRefused('the API token does not exist');
    if (apiToken.revokedAt !== null) throw new TokenRefused('the API token was revoked');
    if (!isValid(apiToken)) throw new TokenRefused('the API token has expired', 'expired');
    this.#noteUse(hash);
    return apiToken;
  }

  /** @throws NotFound if the tenant has no such token. Revoking again changes nothing. */
  async revoke(caller: Caller, id: string): Promise<ApiToken> {
    const found = await this.#stored(id);
    if (found?.apiToken.tenant !== caller.tenant) throw new NotFound(TOKEN_NOT_FOUND);
    const { hash, apiToken } = found;
    if (apiToken.revokedAt !== null) return apiToken;
    const revokedAt = Date.now();
    await this.#redis.hset(tokenKey(hash), { revokedAt });
    await this.#redis.publish(REVOKED_CHANNEL, id);
    await this.#forgetAt(id, hash, revokedAt + KEPT_MS);
    return { ...apiToken, revokedAt };
  }

  /** Whether each token is valid now, in the order of the ids: asked after announcements may have been missed. */
  async areValid(ids: readonly string[]): Promise<readonly boolean[]> {
    return await Promise.all(
      ids.map(async (id) => {
        const apiToken = await this.#byId(id);
        return apiToken !== null && isValid(apiToken);
      }),
    );
  }

  /** Tokens of the caller's tenant, the newest first; those that are older than `after` (an id). */
  async page(caller: Caller, first: number, after: string | null): Promise<ApiTokenPage> {
    const key = tenantKey(caller.tenant);
    const newest = after === null ? '+' : `(${after}`;
    const ids = await this.#redis.zrevrangebylex(key, newest, '-', 'LIMIT', 0, first + 1);
    const found = await Promise.all(
      ids.slice(0, first).map(async (id) => {
        const apiToken = await this.#byId(id);
        if (apiToken === null) await this.#redis.zrem(key, id);
        return apiToken;
      }),
    );
    return { tokens: found.filter((token) => token !== null), hasNext: ids.length > first };
  }

  /** A token of the caller's tenant, valid or not; null if there is none. */
  async get(caller: Caller, id: string): Promise<ApiToken | null> {
    const apiToken = await this.#byId(id);
    return apiToken?.tenant === caller.tenant ? apiToken : null;
  }

  /** Adds the id to the tenant's tokens. */
  async #takePlace(tenant: string, id: string): Promise<void> {
    const take = async (): Promise<boolean> =>
      (await place.run(this.#redis, [tenantKey(tenant)], [id, this.#most])) === 1;
    if (await take()) return;
    await this.#makeRoom(tenant);
    if (!(await take())) throw new LimitExceeded(tooMany(this.#most));
  }

  /** Removes the oldest token that is not valid, and all ids without a token. */
  async #makeRoom(tenant: string): Promise<void> {
    let removed = false;
    for (const id of await this.#redis.zrange(tenantKey(tenant), '0', '-1')) {
      const found = await this.#stored(id);
      if (found !== null && (removed || isValid(found.apiToken))) continue;
      if (found !== null) await this.#redis.del(tokenKey(found.hash), idKey(id));
      removed ||= found !== null;
      await this.#redis.zrem(tenantKey(tenant), id);
    }
  }

  async #byId(id: string): Promise<ApiToken | null> {
    return (await this.#stored(id))?.apiToken ?? null;
  }

  async #stored(id: string): Promise<{ readonly hash: string; readonly apiToken: ApiToken } | null> {
    const hash = await this.#redis.get(idKey(id));
    const apiToken = hash === null ? null : read(await this.#redis.hgetall(tokenKey(hash)));
    return hash === null || apiToken === null ? null : { hash, apiToken };
  }

  /** Does not wait: a use that is not written is no reason to refuse the token. */
  #noteUse(hash: string): void {
    const now = Date.now();
    if (now - (this.#used.get(hash) ?? 0) < USE_MS) return;
    this.#used.set(hash, now);
    this.#redis.hset(tokenKey(hash), { lastUsedAt: now }).catch(() => undefined);
  }

  async #forgetAt(id: string, hash: string, at: number): Promise<void> {
    await Promise.all([this.#redis.pexpireat(tokenKey(hash), at), this.#redis.pexpireat(idKey(id), at)]);
  }
}

const tooMany = (most: number): string =>
  `Your tenant has ${most} API tokens, the most that it can have. Revoke one that is not used any more.`;

const TOKEN_NOT_FOUND = 'API token not found. Check the id; the token can also have been removed.';

/** Null: never. */
const earlier = (one: number | null, other: number | null): number | null =>
  one === null || other === null ? (one ?? other) : Math.min(one, other);

const isValid = ({ expiresAt, revokedAt }: ApiToken): boolean =>
  revokedAt === null && (expiresAt === null || expiresAt > Date.now());

/** The caller that an API token stands for. */
export const callerOfApiToken = ({ id, name, tenant, scopes, expiresAt }: ApiToken): Caller => ({
  subject: name,
  tenant,
  scopes: new Set(scopes),
  runs: null,
  expiresAt,
  apiTokenId: id,
});
