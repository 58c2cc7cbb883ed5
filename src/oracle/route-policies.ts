// What must be said of BackendTLSPolicies: which of several for one target is followed, and whether its authorities are there.

import type { BackendTlsPolicy } from '../objects/gateway-api/backend-tls-policy.ts';
import { isHostnameNamed } from './route-backend.ts';
import { compareTexts } from './route-precedence.ts';
import type { GatewayObjects, Named } from './route-objects.ts';
import type { ExpectedCondition } from './route-status.ts';

export interface PolicyStatus extends Named {
  /** Accepted and ResolvedRefs, for every Gateway the same. */
  readonly conditions: readonly ExpectedCondition[];
}

export function policyStatuses(objects: GatewayObjects): readonly PolicyStatus[] {
  return objects.tlsPolicies.map((policy) => {
    const { namespace, name } = policy;
    return { namespace, name, conditions: conditionsOf(objects, policy) };
  });
}

function conditionsOf(objects: GatewayObjects, policy: BackendTlsPolicy): readonly ExpectedCondition[] {
  const lost = policy.targets.filter((target) =>
    objects.tlsPolicies.some((it) => it !== policy && isFor(it, policy, target) && precedes(it, policy)),
  );
  const faults = policy.caCertificates.flatMap((it) => {
    if (it.group !== '' || it.kind !== 'ConfigMap') return ['InvalidKind'];
    return objects.authorities.has(`${policy.namespace}/${it.name}`) ? [] : ['InvalidCACertificateRef'];
  });
  const refusals = [
    ...(lost.length > 0 ? ['Conflicted'] : []),
    ...(faults.length > 0 && faults.length === policy.caCertificates.length ? ['NoValidCACertificate'] : []),
    ...(isHostnameNamed(policy) ? [] : ['Invalid']),
  ];
  // Of several targets some may be another policy's: what is to be said then, nobody has written.
  const isSplit = lost.length > 0 && lost.length < policy.targets.length && refusals.length === 1;
  return [
    isSplit
      ? { type: 'Accepted', isTrue: 'either', reasons: [] }
      : {
          type: 'Accepted',
          isTrue: refusals.length === 0,
          reasons: refusals.length === 0 ? ['Accepted'] : refusals,
        },
    faults.length === 0
      ? { type: 'ResolvedRefs', isTrue: true, reasons: ['ResolvedRefs'] }
      : { type: 'ResolvedRefs', isTrue: false, reasons: [...new Set(faults)].sort() },
  ];
}

type Target = BackendTlsPolicy['targets'][number];

function isFor(one: BackendTlsPolicy, { namespace }: BackendTlsPolicy, target: Target): boolean {
  return (
    one.namespace === namespace &&
    one.targets.some(
      (it) =>
        it.group === target.group &&
        it.kind === target.kind &&
        it.name === target.name &&
        it.sectionName === target.sectionName,
    )
  );
}

/** "The older policy by creation timestamp takes precedence", then "the policy appearing first in alphabetical order by {name}". */
function precedes(a: BackendTlsPolicy, b: BackendTlsPolicy): boolean {
  return (compareTexts(a.createdAt, b.createdAt) || compareTexts(a.name, b.name)) < 0;
}
