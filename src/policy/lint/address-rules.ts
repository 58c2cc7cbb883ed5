// Lint rules about blocks of addresses.

import { cidrFamily, cidrHasCidr, cidrOf, parseInterfaceAddress, type Cidr } from '../../base/cidr.ts';
import {
  networkPoliciesOf,
  peersField,
  ruleName,
  rulesOf,
  type LintContext,
  type LintRule,
  type RuleAt,
} from './finding.ts';

interface BlockAt {
  readonly it: RuleAt;
  readonly field: string;
  readonly cidr: Cidr;
}

function blocksOf(context: LintContext): readonly BlockAt[] {
  return networkPoliciesOf(context)
    .flatMap(rulesOf)
    .flatMap((it) => {
      const key = peersField(it.direction);
      return (it.rule[key] ?? []).flatMap(({ ipBlock }, i) => {
        if (ipBlock === undefined || ipBlock === null) return [];
        const { ip, prefixLength } = parseInterfaceAddress(ipBlock.cidr);
        return [{ it, field: `${it.field}.${key}[${i}].ipBlock`, cidr: cidrOf(ip, prefixLength) }];
      });
    });
}

const BLOCK_OF_PODS: LintRule = {
  id: 'block-of-pods',
  level: 'warning',
  about: 'An ipBlock names addresses of pods, which change whenever a pod is made anew',
  check: (context) =>
    blocksOf(context)
      .filter(({ cidr }) => context.podCidrs.some((pods) => cidrHasCidr(pods, cidr)))
      .map(({ it, field, cidr }) => ({
        at: it.at,
        field,
        message: `${ruleName(it)} names pods by their addresses (${cidr})`,
        fix: 'select the pods by podSelector and namespaceSelector',
      })),
};

const ONE_FAMILY: LintRule = {
  id: 'one-family',
  level: 'note',
  about: 'A rule lets all addresses of one family pass and none of the other',
  check: (context) =>
    blocksOf(context)
      .filter(({ cidr }) => cidr === '0.0.0.0/0' || cidr === '::/0')
      .filter(
        ({ it, cidr }, _, all) =>
          !all.some((other) => other.it.rule === it.rule && cidrFamily(other.cidr) !== cidrFamily(cidr)),
      )
      .map(({ it, field, cidr }) => ({
        at: it.at,
        field,
        message: `${ruleName(it)} has ${cidr} and nothing of IPv${cidrFamily(cidr) === 4 ? 6 : 4}`,
        fix: `add an ipBlock of ${cidr === '::/0' ? '0.0.0.0/0' : '::/0'} where clusters have both families`,
      })),
};

export const ADDRESS_RULES: readonly LintRule[] = [BLOCK_OF_PODS, ONE_FAMILY];
