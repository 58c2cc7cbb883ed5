// What the audit log tells of one request: an Event of audit.k8s.io/v1 at the level Metadata. Pure.

import type { RequestAttributes } from '../../objects/access/attributes.ts';
import type { Admission } from '../access/admit.ts';
import type { User } from '../http/request.ts';
import type { StatusError } from '../http/status-error.ts';

export interface AuditFacts {
  readonly id: string;
  readonly admission: Admission;
  readonly url: string;
  readonly sourceIp: string | undefined;
  readonly receivedMs: number;
  readonly answeredMs: number;
  /** `ResponseStarted`: of a connection that goes on. */
  readonly stage: 'ResponseComplete' | 'ResponseStarted';
  readonly code: number;
  readonly failure: StatusError | undefined;
}

const READ_VERBS = ['get', 'list', 'watch', 'head'];
const REFUSALS = [401, 403];
/** Reading by their verb, not by what they do. */
const CONNECTIONS = ['attach', 'exec', 'portforward'];

/** Writes, connections into pods, and whatever was refused. Questions to the server change nothing. */
export function isAudited({ attributes, target }: Admission, code: number): boolean {
  if (REFUSALS.includes(code)) return true;
  if (attributes === undefined || target === undefined) return false;
  if (CONNECTIONS.includes(target.subresource ?? '')) return true;
  const isReview = target.resource.verbs.length === 1;
  return !READ_VERBS.includes(attributes.verb) && !isReview;
}

export function auditEvent(facts: AuditFacts): object {
  const { admission, url, sourceIp } = facts;
  const { request, attributes, user } = admission;
  const agent = request.headers['user-agent'];
  return {
    kind: 'Event',
    apiVersion: 'audit.k8s.io/v1',
    level: 'Metadata',
    auditID: facts.id,
    stage: facts.stage,
    requestURI: url,
    verb: attributes?.verb ?? request.method.toLowerCase(),
    user: user === undefined ? {} : userInfo(user),
    ...(user === undefined || user === request.user || admission.decision === undefined
      ? {}
      : { impersonatedUser: userInfo(request.user) }),
    sourceIPs: sourceIp === undefined ? [] : [sourceIp.replace(/^::ffff:/, '')],
    ...(agent === undefined ? {} : { userAgent: agent }),
    ...objectRef(attributes, admission),
    responseStatus: responseStatus(facts),
    requestReceivedTimestamp: microTime(facts.receivedMs),
    stageTimestamp: microTime(facts.answeredMs),
    annotations: annotationsOf(admission),
  };
}

function userInfo({ name, uid, groups, extra }: User): object {
  return {
    username: name,
    ...(uid === undefined ? {} : { uid }),
    groups,
    ...(extra === undefined ? {} : { extra }),
  };
}

/** What the request made has a name that its path has not. */
function objectRef(attributes: RequestAttributes | undefined, { object }: Admission): object {
  if (attributes?.kind !== 'resource') return {};
  const { resource, group, version, subresource, namespace, name } = attributes;
  const fields = {
    resource,
    namespace,
    name: name === '' ? (object?.metadata.name ?? '') : name,
    uid: object?.metadata.uid ?? '',
    apiGroup: group,
    apiVersion: version,
    subresource,
  };
  return { objectRef: Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== '')) };
}

function responseStatus({ code, failure }: AuditFacts): object {
  if (failure === undefined) return { metadata: {}, code };
  return { metadata: {}, status: 'Failure', message: failure.message, reason: failure.reason, code };
}

function annotationsOf({ decision, annotations }: Admission): object {
  const told = Object.fromEntries(annotations);
  if (decision === undefined) return told;
  return {
    ...told,
    'authorization.k8s.io/decision': decision.isAllowed ? 'allow' : 'forbid',
    'authorization.k8s.io/reason': decision.reason,
  };
}

/** RFC 3339 with six digits, as MicroTime has them. */
function microTime(ms: number): string {
  return new Date(ms).toISOString().replace('Z', '000Z');
}
