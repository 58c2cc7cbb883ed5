// The names of recommended policies: the same after every record, and never that of a policy of somebody else.

import type { PolicyWorld } from '../policy-world.ts';
import { namespaceOf, type PlacedObject } from '../placed-object.ts';
import type { Subject } from './need.ts';
import {
  closingPolicy,
  policyOfSubject,
  RECOMMENDED_LABEL,
  type RecommendedPolicy,
} from './recommended-policy.ts';

const CLOSING_NAME = 'default-deny';

/** Those of a namespace follow each other, the one that closes it first. */
export function namedPolicies(
  world: PolicyWorld,
  {
    namespaces,
    subjects,
  }: { readonly namespaces: ReadonlySet<string>; readonly subjects: readonly Subject[] },
): readonly RecommendedPolicy[] {
  return [...namespaces].flatMap((namespace) => {
    const taken = new Set(
      networkPoliciesIn(world, namespace)
        .filter((it) => !isRecommended(it))
        .map((it) => it.object.metadata.name),
    );
    const nameOf = (wanted: string): string => {
      const name = taken.has(wanted) ? freeName(`${wanted}-recommended`, taken) : wanted;
      taken.add(name);
      return name;
    };
    const own = subjects
      .filter((it) => it.namespace === namespace)
      .map((subject) => ({ subject, wanted: wantedName(world, subject) }))
      .toSorted((a, b) => (a.wanted < b.wanted ? -1 : 1));
    return [
      closingPolicy(namespace, nameOf(CLOSING_NAME)),
      ...own.map(({ subject, wanted }) => policyOfSubject(subject, nameOf(wanted))),
    ];
  });
}

/** Policies of the namespaces that are there, and stay when these are applied. */
export function keptPolicies(
  world: PolicyWorld,
  namespaces: ReadonlySet<string>,
  policies: readonly RecommendedPolicy[],
): readonly string[] {
  const replaced = new Set(policies.map((it) => `${it.namespace}/${it.name}`));
  return [...namespaces]
    .flatMap((namespace) =>
      networkPoliciesIn(world, namespace).map((it) => `${namespace}/${it.object.metadata.name}`),
    )
    .filter((it) => !replaced.has(it));
}

function networkPoliciesIn({ policies }: PolicyWorld, namespace: string): readonly PlacedObject[] {
  return policies.filter((it) => it.object.kind === 'NetworkPolicy' && namespaceOf(it) === namespace);
}

function isRecommended({ object }: PlacedObject): boolean {
  return object.metadata.labels?.[RECOMMENDED_LABEL] === 'true';
}

/** That of the first workload; with its kind where another kind has one of the name. */
function wantedName({ workloads }: PolicyWorld, { namespace, workloads: own }: Subject): string {
  const [first] = own.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const { name = '', kind = '' } = first ?? {};
  const isShared = workloads.some((it) => it.namespace === namespace && it.name === name && it.kind !== kind);
  return isShared ? `${name}-${kind.toLowerCase()}` : name;
}

function freeName(wanted: string, taken: ReadonlySet<string>): string {
  for (let number = 1; ; number++) {
    const name = number === 1 ? wanted : `${wanted}-${number}`;
    if (!taken.has(name)) return name;
  }
}
