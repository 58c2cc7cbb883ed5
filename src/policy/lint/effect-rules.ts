// Lint rules about what policies bring about together: names that nobody can look up, rules that change nothing.

import { parsePort } from '../../base/port.ts';
import type { RawClusterNetworkPolicy } from '../../oracle/raw-policies.ts';
import { hasBits, isNone, sharedBits, type Bits } from '../bits.ts';
import { DNS_PORT } from '../cluster-dns.ts';
import { findPolicy } from '../explanation.ts';
import type { PlacedObject } from '../placed-object.ts';
import { oracleJudge } from '../policy-judge.ts';
import {
  clusterRule,
  networkRule,
  podsOf,
  rulesOfPods,
  type ReachRule,
  type RulePorts,
} from '../reach-rule.ts';
import { nameOfWorkload } from '../workload.ts';
import {
  networkPoliciesOf,
  ruleName,
  rulesOf,
  type LintContext,
  type LintRule,
  type RuleAt,
  type Said,
} from './finding.ts';
import { subjectsOf } from './selector-rules.ts';

const DNS_BLOCKED: LintRule = {
  id: 'dns-blocked',
  level: 'warning',
  about:
    'Workloads whose way out is restricted cannot ask the cluster’s DNS server (kube-system, k8s-app=kube-dns) over UDP',
  check: (context) => dnsBlocked(context, 'UDP'),
};

const DNS_TCP_BLOCKED: LintRule = {
  id: 'dns-tcp-blocked',
  level: 'note',
  about: 'Workloads may ask the cluster’s DNS server over UDP and not over TCP, by which long answers come',
  check: (context) => {
    const overUdp = dnsBlocked(context, 'UDP').map((it) => it.at);
    return dnsBlocked(context, 'TCP').filter((it) => !overUdp.includes(it.at));
  },
};

/** One finding for each policy that is in the way; of several the first by name. */
function dnsBlocked({ dns: { world, server } }: LintContext, protocol: 'UDP' | 'TCP'): readonly Said[] {
  const judge = oracleJudge(world);
  const blocked = new Map<PlacedObject, string[]>();
  for (const workload of world.workloads) {
    if (workload === server) continue;
    const ends = {
      from: { kind: 'workload', workload },
      to: { kind: 'workload', workload: server },
    } as const;
    const { egress } = judge.judge({
      ...ends,
      family: 4,
      protocol,
      port: parsePort(DNS_PORT),
      via: undefined,
    });
    const by =
      egress.kind === 'denied' ? egress.rule : egress.kind === 'isolated' ? egress.policies[0] : undefined;
    if (by === undefined) continue;
    const at = findPolicy(world, by);
    blocked.set(at, [...(blocked.get(at) ?? []), nameOfWorkload(workload)]);
  }
  return [...blocked].map(([at, names]) => ({
    at,
    field: 'metadata.name',
    message: `keeps ${listText(names)} from the cluster's DNS server over ${protocol}`,
    fix: `allow egress to pods k8s-app=kube-dns of kube-system at ${protocol} 53`,
  }));
}

const MAX_NAMES = 3;

function listText(names: readonly string[]): string {
  const more = names.length - MAX_NAMES;
  return `${names.slice(0, MAX_NAMES).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

const REDUNDANT_RULE: LintRule = {
  id: 'redundant-rule',
  level: 'note',
  about: 'All that a rule lets pass between the workloads of the manifests another rule lets pass, too',
  check: (context) => {
    const all = networkPoliciesOf(context)
      .flatMap(rulesOf)
      .map((it) => compiled(context, it));
    return all.flatMap((rule, i): readonly Said[] => {
      if (isNone(rule.subjects) || isNone(rule.compiled.peers)) return [];
      const cover = all.find((other, j) => coversRule(other, rule, j < i));
      if (cover === undefined) return [];
      const { it } = rule;
      const name = `${ruleName(cover.it)} of ${cover.it.namespace}/${cover.it.policy.metadata.name}`;
      return [
        {
          at: it.at,
          field: it.field,
          message: `${ruleName(it)} lets nothing pass here that ${name} does not`,
          fix: 'remove it, or narrow the other',
        },
      ];
    });
  },
};

interface CompiledRule {
  readonly it: RuleAt;
  readonly subjects: Bits;
  readonly compiled: ReachRule;
}

function compiled(context: LintContext, it: RuleAt): CompiledRule {
  const { finder, ends } = context;
  const settings = { finder, direction: it.direction, count: ends.length };
  return { it, subjects: subjectsOf(context, it), compiled: networkRule(it.rule, it.namespace, settings) };
}

/** Of two that say the same the later one is too much. */
function coversRule(other: CompiledRule, rule: CompiledRule, isBefore: boolean): boolean {
  if (other === rule || other.it.direction !== rule.it.direction) return false;
  if (!hasBits(other.subjects, rule.subjects) || !covers(other.compiled, rule.compiled)) return false;
  const isSame = covers(rule.compiled, other.compiled) && hasBits(rule.subjects, other.subjects);
  return isBefore || !isSame;
}

function covers(outer: ReachRule, inner: ReachRule): boolean {
  return hasBits(outer.peers, inner.peers) && hasPorts(outer.ports, inner.ports);
}

function hasPorts(outer: RulePorts, inner: RulePorts): boolean {
  if (outer === undefined || inner === undefined) return outer === undefined;
  const hasSpans = inner.spans.every((span) =>
    outer.spans.some((it) => it.protocol === span.protocol && it.first <= span.first && span.last <= it.last),
  );
  return (
    hasSpans &&
    inner.names.every((name) =>
      outer.names.some((it) => it.name === name.name && it.protocol === name.protocol),
    )
  );
}

const UNREACHED_RULE: LintRule = {
  id: 'unreached-rule',
  level: 'warning',
  about:
    'A rule of a ClusterNetworkPolicy stands behind one that takes all its connections, of the workloads of the manifests',
  check: (context) =>
    clusterPoliciesOf(context).flatMap(({ at, policy }) =>
      (['ingress', 'egress'] as const).flatMap((direction) => {
        const settings = { finder: context.finder, direction, count: context.ends.length };
        const rules = (policy.spec[direction] ?? []).map((it) => clusterRule(it, settings));
        return rules.flatMap((rule, i): readonly Said[] => {
          const before = rules.slice(0, i).findIndex((it) => covers(it, rule));
          if (before < 0 || isNone(rule.peers)) return [];
          return [
            {
              at,
              field: `spec.${direction}[${i}]`,
              message: `${direction}[${i}] is never asked here: ${direction}[${before}] takes all its connections`,
              fix: 'put it first, or remove it',
            },
          ];
        });
      }),
    ),
};

const EQUAL_PRIORITY: LintRule = {
  id: 'equal-priority',
  level: 'warning',
  about:
    'Two ClusterNetworkPolicies of a tier have the same priority and pods: which comes first is not defined',
  check: (context) => {
    const all = clusterPoliciesOf(context);
    return all.flatMap(({ at, policy }, i): readonly Said[] => {
      const other = all.slice(0, i).find((it) => isUndecided(context, it.policy, policy));
      if (other === undefined) return [];
      const { name } = other.policy.metadata;
      return [
        {
          at,
          field: 'spec.priority',
          message: `has the priority ${policy.spec.priority} of ${name} in tier ${policy.spec.tier}, and pods in common`,
          fix: 'give each a priority of its own',
        },
      ];
    });
  },
};

function isUndecided(
  { finder, ends }: LintContext,
  { spec: a }: RawClusterNetworkPolicy,
  { spec: b }: RawClusterNetworkPolicy,
): boolean {
  if (a.tier !== b.tier || a.priority !== b.priority) return false;
  const count = ends.length;
  return !isNone(sharedBits(podsOf(a.subject, finder, count), podsOf(b.subject, finder, count)));
}

function clusterPoliciesOf({ world }: LintContext): readonly {
  readonly at: PlacedObject;
  readonly policy: RawClusterNetworkPolicy;
}[] {
  return world.policies
    .filter((it) => it.object.kind === 'ClusterNetworkPolicy')
    .map((at) => {
      // The shape was checked where the object was read.
      const policy = at.object as unknown as RawClusterNetworkPolicy;
      return { at, policy };
    });
}

const UNPROTECTED: LintRule = {
  id: 'unprotected',
  level: 'note',
  about: 'No policy says who may reach a workload, so everybody may',
  check: ({ world, finder, ends }) => {
    const asked = rulesOfPods(world, finder, { direction: 'ingress', count: ends.length });
    const names = new Set(
      [...ends.entries()].flatMap(([at, { name, kind }]) => (kind === 'pod' && !asked.has(at) ? [name] : [])),
    );
    return world.workloads
      .filter((it) => names.has(nameOfWorkload(it)))
      .map(({ placed, namespace }) => ({
        at: placed,
        field: 'metadata.name',
        message: 'everybody may reach it: no policy restricts its ingress',
        fix: `add a NetworkPolicy with podSelector: {} to namespace ${namespace}, and what it needs`,
      }));
  },
};

const NAMES_NOT_ACCEPTED: LintRule = {
  id: 'names-not-accepted',
  level: 'error',
  about:
    'domainNames stand in a rule that denies or passes: the API defines them for Accept alone, and the rule denies all',
  check: (context) =>
    clusterPoliciesOf(context).flatMap(({ at, policy }) =>
      (policy.spec.egress ?? []).flatMap(({ action, to }, i): readonly Said[] => {
        const named = (to ?? []).findIndex((it) => (it.domainNames ?? []).length > 0);
        if (action === 'Accept' || named < 0) return [];
        return [
          {
            at,
            field: `spec.egress[${i}].to[${named}].domainNames`,
            message: `egress[${i}] is no Accept and has domainNames, so that it denies everything`,
            fix: 'accept the names that may be reached, and deny networks behind them',
          },
        ];
      }),
    ),
};

export const EFFECT_RULES: readonly LintRule[] = [
  NAMES_NOT_ACCEPTED,
  DNS_BLOCKED,
  UNREACHED_RULE,
  EQUAL_PRIORITY,
  DNS_TCP_BLOCKED,
  REDUNDANT_RULE,
  UNPROTECTED,
];
