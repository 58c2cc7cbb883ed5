// All lint rules, and the findings of them all in the order of files and lines.

import { FairleadError } from '../../base/errors.ts';
import { objectOf, textOf } from '../../objects/json.ts';
import { outsideSamples } from '../outside-samples.ts';
import { PeerFinder } from '../peer-finder.ts';
import type { PlacedObject } from '../placed-object.ts';
import { withDns } from '../cluster-dns.ts';
import { readPolicyWorld, type PolicyWorldSettings } from '../policy-world.ts';
import { reachEnds } from '../reach-end.ts';
import { ADDRESS_RULES } from './address-rules.ts';
import { EFFECT_RULES } from './effect-rules.ts';
import { findingOf, LEVELS, type Finding, type LintContext, type LintRule } from './finding.ts';
import { SELECTOR_RULES } from './selector-rules.ts';
import { WRITTEN_RULES } from './written-rules.ts';

export const LINT_RULES: readonly LintRule[] = [
  ...WRITTEN_RULES,
  ...SELECTOR_RULES,
  ...ADDRESS_RULES,
  ...EFFECT_RULES,
].toSorted((a, b) => LEVELS.indexOf(a.level) - LEVELS.indexOf(b.level));

/** On an object: rules that are not to find anything on it, separated by commas. */
export const LINT_IGNORE_ANNOTATION = 'policy.fairlead.dev/lint-ignore';

/** Throws `invalid` where `ignored` names a rule that there is not. */
export function lintPolicies(
  placed: readonly PlacedObject[],
  settings: PolicyWorldSettings,
  ignored: readonly string[] = [],
): readonly Finding[] {
  const unknown = ignored.filter((id) => !LINT_RULES.some((it) => it.id === id));
  if (unknown.length > 0)
    throw new FairleadError(
      'invalid',
      `Cannot ignore ${unknown.join(', ')}: there are ${LINT_RULES.map((it) => it.id).join(', ')}`,
    );
  const context = contextOf(placed, settings);
  const findings = LINT_RULES.filter((it) => !ignored.includes(it.id)).flatMap((rule) =>
    rule
      .check(context)
      .filter(({ at }) => !isIgnored(at, rule.id))
      .map((said) => findingOf(rule, said)),
  );
  const files = [...new Set(placed.map((it) => it.file))];
  return findings.toSorted(
    (a, b) => files.indexOf(a.place.file) - files.indexOf(b.place.file) || a.place.line - b.place.line,
  );
}

function isIgnored({ object }: PlacedObject, id: string): boolean {
  const annotations = objectOf(objectOf(object.metadata)['annotations']);
  return (textOf(annotations[LINT_IGNORE_ANNOTATION]) ?? '').split(',').some((it) => it.trim() === id);
}

function contextOf(placed: readonly PlacedObject[], settings: PolicyWorldSettings): LintContext {
  const world = readPolicyWorld(placed, settings);
  const { podCidrs } = settings;
  const ends = reachEnds(world, 4, outsideSamples([world.objects], 4, podCidrs));
  return {
    world,
    ends,
    finder: new PeerFinder(world, ends),
    podCidrs,
    dns: withDns(placed, settings),
  };
}
