// What every handler works with: the store, the configuration, time and chance. Passed in, so that tests can set each.

import type { Clock } from '../base/clock.ts';
import type { SchemaChecks } from '../objects/validation/schema.ts';
import type { AdmissionPolicies } from './admission/policies.ts';
import type { UsersByToken } from './access/authentication.ts';
import type { Authorizer } from './access/authorization.ts';
import type { ApiServerConfig } from './config.ts';
import type { Kinds } from './custom/kinds.ts';
import type { FairQueue } from './http/fair-queue.ts';
import type { ObjectStore } from './store/object-store.ts';
import type { ServiceAccountTokens } from './access/service-account-tokens.ts';

/** Chance as an argument. */
export interface Random {
  uuid(): string;
  /** A whole number from 0 to below `limit`. */
  below(limit: number): number;
}

export interface ApiContext {
  readonly store: ObjectStore;
  /** Every kind that is served, built in and custom. */
  readonly kinds: Kinds;
  readonly authorizer: Authorizer;
  readonly policies: AdmissionPolicies;
  readonly config: ApiServerConfig;
  readonly clock: Clock;
  readonly random: Random;
  readonly tokens: ServiceAccountTokens;
  readonly usersByToken: UsersByToken;
  readonly schemas: SchemaChecks;
  /** For what costs much at once. */
  readonly turns: FairQueue;
}

/** RFC 3339 with whole seconds, as metadata carries it. */
export function timestampOf(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}
