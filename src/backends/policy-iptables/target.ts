// The backend's target: an entry per family, changed so that a change of policies is seen whole or not at all.

import { FairleadError, hasCode } from '../../base/errors.ts';
import type { Family } from '../../base/ip.ts';
import type { Target } from '../../reconcile/target.ts';
import type { Conntrack } from '../../sys/conntrack.ts';
import type { TrackedFlow } from '../../wire/netlink/conntrack.ts';
import { restoreIpset, saveIpset, type IpsetPlace } from '../../sys/ipset.ts';
import {
  hasLegacyTables,
  iptablesProgram,
  restoreIptables,
  saveIptables,
  type IptablesFlavour,
  type IptablesPlace,
} from '../../sys/iptables.ts';
import { markDeniedFlows } from '../shared-policy/denied-flow.ts';
import { observeRules, observeSets } from './observe.ts';
import { FAMILIES, isSameRules, rulesKey, type AddressSets, type PolicyRules } from './policy-rules.ts';
import { planOf, type RulesPlan } from './script.ts';
import { PolicyTrace } from './trace.ts';

/** Where the rules are: a flavour in a namespace. */
export type PolicyRealm = Pick<IptablesPlace, 'flavour' | 'netns'>;

/** As for Services (`service-iptables/apply.ts`): the legacy program exchanges all of a table each time. */
const CHAINS_PER_SCRIPT: Readonly<Record<IptablesFlavour, number>> = { legacy: Infinity, nft: 1000 };

type Entries = ReadonlyMap<string, PolicyRules>;

export function policyRulesTarget(
  realm: PolicyRealm,
  conntrack: Pick<Conntrack, 'changeMarks'>,
): Target<PolicyRules> {
  return {
    name: 'policy-iptables',
    isIsolated: true,
    observe: async (signal) => observe(realm, await observedSets(realm, signal), signal),
    isEqual: isSameRules,
    update: async (entries, signal, seen) => {
      const failures = await each(entries, (to, key) => change(realm, { from: seen.get(key), to }, signal));
      const done = new Map([...entries].filter(([key]) => !failures.has(key)));
      const marked = await each(new Map([...done].slice(0, 1)), () => markFlows(conntrack, done));
      return new Map([...failures, ...marked]);
    },
    delete: (entries, signal) => each(entries, (from) => change(realm, { from, to: undefined }, signal)),
    print: (verb, _key, entry) => {
      const [from, to] = verb === 'update' ? [undefined, entry] : [entry, undefined];
      return printed(realm, entry.family, planOf({ from, to, maxChains: Infinity }));
    },
  };
}

/** Of flows that stand, those of the families that have changed. */
async function markFlows(conntrack: Pick<Conntrack, 'changeMarks'>, entries: Entries): Promise<void> {
  const families = new Set([...entries.values()].map(({ family }) => family));
  const isMeant = ({ family }: TrackedFlow): boolean => families.has(family);
  await markDeniedFlows(conntrack, () => new PolicyTrace(entries), { isMeant, families: [...families] });
}

/** What an earlier choice left in another flavour; its sets are the first one's to remove. */
export function otherFlavourTarget(realm: PolicyRealm): Target<PolicyRules> {
  return {
    name: `policy-iptables (${realm.flavour})`,
    isIsolated: true,
    observe: (signal) => observe(realm, new Map(), signal),
    isEqual: isSameRules,
    update: () => Promise.resolve(new Map()),
    delete: (entries, signal) => each(entries, (from) => change(realm, { from, to: undefined }, signal)),
  };
}

async function each(
  entries: Entries,
  work: (rules: PolicyRules, key: string) => Promise<void>,
): Promise<ReadonlyMap<string, unknown>> {
  const failures = new Map<string, unknown>();
  const all = [...entries].map(async ([key, rules]) => {
    await work(rules, key).catch((error: unknown) => failures.set(key, error));
  });
  await Promise.all(all);
  return failures;
}

/** A machine without the programs has nothing of ours: whoever needs them finds out when it writes. */
async function orNothing<T>(nothing: T, ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    if (!hasCode(error, 'unsupported')) throw error;
    return nothing;
  }
}

function observedSets(
  { netns }: PolicyRealm,
  signal: AbortSignal,
): Promise<ReadonlyMap<Family, AddressSets>> {
  return orNothing(new Map(), async () =>
    observeSets(await saveIpset({ signal, ...(netns === undefined ? {} : { netns }) })),
  );
}

async function observe(
  realm: PolicyRealm,
  sets: ReadonlyMap<Family, AddressSets>,
  signal: AbortSignal,
): Promise<Entries> {
  const families = FAMILIES.map(async (family): Promise<readonly (readonly [string, PolicyRules])[]> => {
    const isThere = realm.flavour !== 'legacy' || hasLegacyTables({ ...realm, family });
    const saved = isThere ? await orNothing('', () => saveIptables({ ...realm, family, signal })) : '';
    const rules = observeRules(family, saved, sets);
    return rules === undefined ? [] : [[rulesKey(family), rules]];
  });
  return new Map((await Promise.all(families)).flat());
}

interface Change {
  readonly from: PolicyRules | undefined;
  readonly to: PolicyRules | undefined;
}

async function change(realm: PolicyRealm, { from, to }: Change, signal: AbortSignal): Promise<void> {
  const family = (to ?? from)?.family ?? 4;
  const place = { signal, ...(realm.netns === undefined ? {} : { netns: realm.netns }) };
  const plan = planOf({ from, to, maxChains: CHAINS_PER_SCRIPT[realm.flavour] });
  await restoreIpset(plan.sets, place);
  for (const script of plan.scripts) await restoreIptables(script, { ...realm, family, signal });
  await destroySets(plan.goneSets, place);
}

/** The kernel frees the rules of a transaction a moment later, and until then they hold their sets. */
const RELEASE_MS = 5_000;
const LOOK_AGAIN_MS = 20;

async function destroySets(names: readonly string[], place: IpsetPlace): Promise<void> {
  const until = performance.now() + RELEASE_MS;
  let lines = names.map((name) => `destroy ${name}`);
  while (lines.length > 0)
    try {
      await restoreIpset(lines, place);
      return;
    } catch (error) {
      const line = error instanceof FairleadError ? error.details['line'] : undefined;
      const at = lines.findIndex((it) => it === line);
      if (at < 0 || performance.now() > until) throw error;
      lines = lines.slice(at);
      await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
    }
}

/** The scripts as one would feed them to the programs. */
function printed(
  { flavour }: PolicyRealm,
  family: Family,
  { sets, scripts, goneSets }: RulesPlan,
): readonly string[] {
  const program = iptablesProgram('restore', { flavour, family });
  const fed = (command: string, lines: readonly string[]): readonly string[] =>
    lines.length === 0 ? [] : [`${command} <<EOF`, ...lines, 'EOF'];
  return [
    ...fed('ipset -exist restore', sets),
    ...scripts.flatMap((it) => fed(`${program} --noflush`, it.trimEnd().split('\n'))),
    ...fed(
      'ipset -exist restore',
      goneSets.map((name) => `destroy ${name}`),
    ),
  ];
}
