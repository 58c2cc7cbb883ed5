// Who answers what policies say about one connection: one small interface, so that the answer can come from elsewhere.

import { tryParseIp, type Ip } from '../base/ip.ts';
import { judge, type PolicyVerdict } from '../oracle/policy.ts';
import type { PolicyEnd } from '../oracle/policy-end.ts';
import type { RawPod } from '../oracle/raw-objects.ts';
import type { RawPolicyObjects } from '../oracle/raw-policies.ts';
import { endsOf } from './party.ts';
import type { PolicyWorld } from './policy-world.ts';
import type { Question } from './question.ts';

export interface PolicyJudge {
  readonly judge: (question: Question) => PolicyVerdict;
}

/**
 * By the oracle, which reads all that it is given for every question: the pods that an end can be, and the NetworkPolicies of their namespaces, since
 * those of others select none of them.
 */
export function oracleJudge({ objects }: PolicyWorld): PolicyJudge {
  const pods = Map.groupBy(objects.pods, ({ metadata: { namespace, name } }) => `${namespace}/${name}`);
  const policies = Map.groupBy(objects.networkPolicies, (it) => it.metadata.namespace);
  const owners = ownersOf(objects);
  const candidates = (end: PolicyEnd): readonly RawPod[] => {
    switch (end.kind) {
      case 'pod':
        return pods.get(`${end.namespace}/${end.name}`) ?? [];
      case 'node':
        return [];
      case 'outside':
        return owners.get(end.ip) ?? [];
      default:
        return end satisfies never;
    }
  };
  return {
    judge: ({ from, to, family, protocol, port }) => {
      const ends = endsOf(from, to);
      const ofEnds = [ends.from, ends.to].flatMap(candidates);
      const namespaces = new Set(ofEnds.map((it) => it.metadata.namespace));
      const networkPolicies = [...namespaces].flatMap((it) => policies.get(it) ?? []);
      const isNamed = to.kind === 'address' && to.domain !== undefined;
      const learnedNames = isNamed ? new Map([[to.domain, [to.ip]]]) : (objects.learnedNames ?? new Map());
      const asked = { ...objects, pods: ofEnds, networkPolicies, learnedNames };
      return judge(asked, { ...ends, family, protocol, port });
    },
  };
}

function ownersOf({ pods }: RawPolicyObjects): ReadonlyMap<Ip, readonly RawPod[]> {
  const owners = new Map<Ip, RawPod[]>();
  for (const pod of pods)
    for (const { ip: text } of pod.status?.podIPs ?? []) {
      const ip = tryParseIp(text);
      if (ip === undefined) continue;
      const known = owners.get(ip);
      if (known === undefined) owners.set(ip, [pod]);
      else known.push(pod);
    }
  return owners;
}
