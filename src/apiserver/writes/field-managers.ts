// Whose fields are whose: every write that a client makes is told to metadata.managedFields.

import { messageOf } from '../../base/errors.ts';
import {
  SERVER_OWNED,
  UNMANAGED,
  managerKey,
  readManagedFields,
  withFewUpdaters,
  writtenManagedFields,
  type ManagedFields,
  type ManagerIdentity,
  type Operation,
} from '../../objects/apply/managed-fields.ts';
import { difference, differenceBelow, setOf, type FieldSet } from '../../objects/apply/field-set.ts';
import { ownedTypeOf, type OwnedType } from '../../objects/apply/field-type.ts';
import { writeFields, type Ownable } from '../../objects/apply/managers.ts';
import { isObject, objectOf, textOf, type Draft } from '../../objects/json.ts';
import type { KubeObject } from '../../objects/meta.ts';
import { apiVersionOf, type Resource } from '../../objects/resources.ts';
import { timestampOf, type ApiContext } from '../context.ts';
import type { ApiRequest, Target } from '../http/request.ts';
import { storedMessage } from '../reads/serve.ts';
import { badRequest } from '../http/status-error.ts';

const MAX_MANAGER_LENGTH = 128;

/** Who writes: as he calls himself, or else the program that he says he is; throws 400 for a name that is none. */
export function managerOf(
  request: Pick<ApiRequest, 'query' | 'headers'>,
  { resource, subresource }: Pick<Target, 'resource' | 'subresource'>,
  operation: Operation,
): ManagerIdentity {
  const asked = request.query.get('fieldManager') ?? '';
  if (asked.length > MAX_MANAGER_LENGTH || !/^[\x20-\x7e]*$/.test(asked))
    throw badRequest(
      `invalid fieldManager: it must be at most ${MAX_MANAGER_LENGTH} characters that can be printed`,
    );
  const agent = (request.headers['user-agent'] ?? '').split('/')[0] ?? '';
  const manager = textOf(asked) ?? textOf(agent.slice(0, MAX_MANAGER_LENGTH)) ?? 'unknown';
  return { manager, operation, apiVersion: apiVersionOf(resource), subresource };
}

export function ownedTypeOfResource(resource: Resource): OwnedType {
  if (resource.custom !== undefined) return resource.custom.ownedType;
  return ownedTypeOf(storedMessage(resource));
}

const STATUS = setOf(false, new Map([['f:status', setOf(true, new Map())]]));

/** Through the object itself nobody gets its status, through the status nobody gets anything else. */
export function ownableBy({ subresource }: ManagerIdentity, resource: Resource): Ownable {
  const hasStatus = resource.subresources.some(({ name }) => name === 'status');
  return (fields) => {
    const own = difference(fields, SERVER_OWNED);
    if (subresource === 'status') return onlyStatus(own);
    return hasStatus ? differenceBelow(own, STATUS) : own;
  };
}

function onlyStatus(fields: FieldSet): FieldSet {
  const status = fields.children.get('f:status');
  return setOf(false, status === undefined ? new Map() : new Map([['f:status', status]]));
}

export interface ManagedWrite {
  readonly resource: Resource;
  readonly before: KubeObject | undefined;
  readonly after: Readonly<Draft>;
  /** What the client sent as managedFields: it may hand fields on, or start anew with one empty entry. */
  readonly sent: unknown;
  readonly manager: ManagerIdentity;
}

/** The managedFields of an object that is written. */
export function managedAfterWrite(context: ApiContext, write: ManagedWrite): readonly Draft[] {
  const { resource, before, after, sent, manager } = write;
  const known = knownFields(before?.metadata.managedFields, sent);
  const key = managerKey(manager);
  const { managers, hasTaken } = writeFields({
    before,
    after,
    type: ownedTypeOfResource(resource),
    managers: known.managers,
    manager: key,
    ownable: ownableBy(manager, resource),
  });
  const times = hasTaken ? new Map(known.times).set(key, timestampOf(context.clock.nowMs())) : known.times;
  return writtenManagedFields(withFewUpdaters({ managers, times }), known);
}

function knownFields(stored: unknown, sent: unknown): ManagedFields {
  const isReset = Array.isArray(sent) && sent.length === 1 && Object.keys(objectOf(sent[0])).length === 0;
  if (isReset) return UNMANAGED;
  if (Array.isArray(sent) && sent.length > 0 && sent.every(isObject)) {
    try {
      return readManagedFields(sent);
    } catch (error) {
      throw badRequest(messageOf(error));
    }
  }
  return readManagedFields(stored);
}
