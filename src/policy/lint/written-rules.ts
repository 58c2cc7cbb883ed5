// Lint rules about how a policy is written: what is read otherwise than it looks.

import { networkPoliciesOf, peersField, ruleName, rulesOf, type LintRule, type Said } from './finding.ts';

const RULES_IGNORED: LintRule = {
  id: 'rules-ignored',
  level: 'error',
  about: 'Rules stand in a direction that policyTypes leaves out, so they do nothing',
  check: (context) =>
    networkPoliciesOf(context).flatMap(({ at, policy }) => {
      const types = policy.spec?.policyTypes ?? [];
      return (['ingress', 'egress'] as const).flatMap((direction): readonly Said[] => {
        const type = direction === 'ingress' ? 'Ingress' : 'Egress';
        const hasRules = (policy.spec?.[direction] ?? []).length > 0;
        if (types.length === 0 || types.includes(type) || !hasRules) return [];
        return [
          {
            at,
            field: `spec.${direction}`,
            message: `${direction} rules do nothing: policyTypes has no ${type}`,
            fix: `add ${type} to policyTypes, or remove the rules`,
          },
        ];
      });
    }),
};

const TYPES_IMPLIED: LintRule = {
  id: 'types-implied',
  level: 'note',
  about: 'policyTypes is absent: Ingress always counts then, Egress where there are rules for it',
  check: (context) =>
    networkPoliciesOf(context).flatMap(({ at, policy }): readonly Said[] => {
      if ((policy.spec?.policyTypes ?? []).length > 0) return [];
      const types = (policy.spec?.egress ?? []).length > 0 ? 'Ingress, Egress' : 'Ingress';
      return [
        {
          at,
          field: 'spec',
          message: `policyTypes is absent and means [${types}]`,
          fix: `write policyTypes: [${types}], or what is meant`,
        },
      ];
    }),
};

const NAMESPACE_IMPLIED: LintRule = {
  id: 'namespace-implied',
  level: 'note',
  about: 'The policy names no namespace: it goes wherever it is applied',
  check: (context) =>
    networkPoliciesOf(context).flatMap(({ at }): readonly Said[] =>
      at.object.metadata.namespace === undefined
        ? [{ at, field: 'metadata', message: 'names no namespace', fix: 'write metadata.namespace' }]
        : [],
    ),
};

const OPEN_RULE: LintRule = {
  id: 'open-rule',
  level: 'warning',
  about:
    'A rule without peers and ports: the policy restricts nothing in its direction, and no other policy can',
  check: (context) =>
    networkPoliciesOf(context)
      .flatMap(rulesOf)
      .filter(({ rule, direction }) => (rule[peersField(direction)] ?? []).length === 0)
      .filter(({ rule }) => (rule.ports ?? []).length === 0)
      .map((it) => ({
        at: it.at,
        field: it.field,
        message: `${ruleName(it)} lets everything ${it.direction === 'ingress' ? 'in' : 'out'}`,
        fix: `name ${peersField(it.direction)} or ports`,
      })),
};

const OR_NOT_AND: LintRule = {
  id: 'or-not-and',
  level: 'warning',
  about: 'A namespaceSelector and a podSelector are two peers, either of which is enough: one dash too many?',
  check: (context) =>
    networkPoliciesOf(context)
      .flatMap(rulesOf)
      .flatMap((it) => {
        const key = peersField(it.direction);
        const peers = it.rule[key] ?? [];
        return peers.flatMap((peer, i): readonly Said[] => {
          const next = peers[i + 1];
          const isNamespaceAlone = isSet(peer.namespaceSelector) && !isSet(peer.podSelector);
          const isPodAlone = isSet(next?.podSelector) && !isSet(next?.namespaceSelector);
          if (!isNamespaceAlone || !isPodAlone) return [];
          return [
            {
              at: it.at,
              field: `${it.field}.${key}[${i + 1}]`,
              message: `${ruleName(it)} lets all pods of the selected namespaces pass, and besides them pods of its own namespace by podSelector`,
              fix: 'put both selectors into one entry if both must match; else put podSelector first',
            },
          ];
        });
      }),
};

function isSet(value: unknown): boolean {
  return value !== undefined && value !== null;
}

export const WRITTEN_RULES: readonly LintRule[] = [
  RULES_IGNORED,
  OR_NOT_AND,
  OPEN_RULE,
  TYPES_IMPLIED,
  NAMESPACE_IMPLIED,
];
