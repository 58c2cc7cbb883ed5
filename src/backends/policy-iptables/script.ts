// Differences as what is to be run: lines for `ipset restore`, scripts for `iptables-restore --noflush`, sets that go. Pure.

import type { Family } from '../../base/ip.ts';
import { CHAINS } from './names.ts';
import type { AddressSets, PolicyRules } from './policy-rules.ts';

/** In the order in which it is done. */
export interface RulesPlan {
  /** Sets that come, whole, and single addresses in sets that stay. */
  readonly sets: readonly string[];
  /** The second to last brings all of it into use at once; those before make chains that nothing leads to yet, the last removes chains. */
  readonly scripts: readonly string[];
  /** Sets that nothing asks any more. */
  readonly goneSets: readonly string[];
}

export interface PlanOptions {
  readonly from: PolicyRules | undefined;
  readonly to: PolicyRules | undefined;
  /** About how many chains one script may name. */
  readonly maxChains: number;
}

export function planOf({ from, to, maxChains }: PlanOptions): RulesPlan {
  const [before, after]: readonly AddressSets[] = [from?.sets ?? new Map(), to?.sets ?? new Map()];
  return {
    sets: setLines((to ?? from)?.family ?? 4, before ?? new Map(), after ?? new Map()),
    scripts: scriptsOf(from, to, maxChains),
    goneSets: [...(before?.keys() ?? [])].filter((name) => after?.has(name) !== true),
  };
}

/** No set has more: a limit that takes no memory. */
const MAX_ELEMENTS = 4_194_304;

/**
 * In sets that stay an address is in one place after the other: what is let in comes before what is taken out, so that an address that changes from one to
 * the other is in one of them at every moment.
 */
function setLines(family: Family, before: AddressSets, after: AddressSets): readonly string[] {
  const made: string[] = [];
  const matched: LineGroup = { deleted: [], added: [] };
  const unmatched: LineGroup = { deleted: [], added: [] };
  for (const [name, elements] of after) {
    const known = before.get(name);
    if (known === elements) continue;
    if (known === undefined) {
      made.push(
        `create ${name} hash:net family ${family === 4 ? 'inet' : 'inet6'} maxelem ${MAX_ELEMENTS}`,
        // One that a change left behind that failed holds what was wanted then.
        `flush ${name}`,
        ...[...elements].map((it) => `add ${name} ${it}`),
      );
      continue;
    }
    for (const it of known)
      if (!elements.has(it))
        (isNomatch(it) ? matched : unmatched).deleted.push(`del ${name} ${prefixOf(it)}`);
    for (const it of elements)
      if (!known.has(it)) (isNomatch(it) ? unmatched : matched).added.push(`add ${name} ${it}`);
  }
  return [made, matched.deleted, matched.added, unmatched.deleted, unmatched.added].flat();
}

interface LineGroup {
  readonly deleted: string[];
  readonly added: string[];
}

const NOMATCH = ' nomatch';

function isNomatch(element: string): boolean {
  return element.endsWith(NOMATCH);
}

function prefixOf(element: string): string {
  return isNomatch(element) ? element.slice(0, -NOMATCH.length) : element;
}

type ChainText = readonly [name: string, text: string];

/** Lines of one script, in their order. */
interface Script {
  /** Made or emptied, then filled. */
  readonly chains?: readonly ChainText[];
  readonly jumps?: readonly string[];
  readonly removed?: readonly string[];
}

const OWN_NAMES: ReadonlySet<string> = new Set(Object.values(CHAINS));

function scriptsOf(
  from: PolicyRules | undefined,
  to: PolicyRules | undefined,
  maxChains: number,
): readonly string[] {
  const changed = [...(to?.chains ?? [])].filter(([name, { text }]) => from?.chains.get(name)?.text !== text);
  const texts = changed.map(([name, { text }]): ChainText => [name, text]);
  const [byContent, named] = [false, true].map((it) =>
    texts.filter(([name]) => OWN_NAMES.has(name) === it),
  ) as [ChainText[], ChainText[]]; // One for each value.
  const removed = [...(from?.chains.keys() ?? [])].filter((name) => to?.chains.has(name) !== true);
  const emptied = removed.map((name): ChainText => [name, '']);
  const jumps = jumpLines(from?.jumps ?? new Map(), to?.jumps ?? new Map());
  if (texts.length + removed.length <= maxChains)
    return [scriptText({ chains: [...texts, ...emptied], jumps, removed })].filter((it) => it !== '');
  // Chains lead to some that are made later.
  const ahead = named
    .filter(([name]) => from?.chains.has(name) !== true)
    .map(([name]): ChainText => [name, '']);
  return [
    { chains: ahead },
    ...partsOf(byContent, maxChains).map((chains) => ({ chains })),
    { chains: named, jumps },
    // None may be asked for by another when it goes.
    ...partsOf(emptied, maxChains).map((chains) => ({ chains })),
    ...partsOf(removed, maxChains).map((part) => ({ removed: part })),
  ]
    .map(scriptText)
    .filter((it) => it !== '');
}

function partsOf<T>(all: readonly T[], size: number): readonly (readonly T[])[] {
  const parts: (readonly T[])[] = [];
  for (let at = 0; at < all.length; at += size) parts.push(all.slice(at, at + size));
  return parts;
}

/** In front of the rules of others. */
function jumpLines(from: ReadonlyMap<string, string>, to: ReadonlyMap<string, string>): readonly string[] {
  return [...new Set([...from.keys(), ...to.keys()])].flatMap((chain) => {
    const [before, after] = [from.get(chain), to.get(chain)];
    if (before === after) return [];
    return [
      ...(before?.split('\n').map((rule) => `-D ${chain} ${rule}`) ?? []),
      ...(after === undefined ? [] : [`-I ${chain} ${after}`]),
    ];
  });
}

function scriptText({ chains = [], jumps = [], removed = [] }: Script): string {
  const lines = [
    ...chains.map(([name]) => `:${name} - [0:0]`),
    ...chains.flatMap(([name, text]) =>
      text === '' ? [] : text.split('\n').map((rule) => `-A ${name} ${rule}`),
    ),
    ...jumps,
    ...removed.map((name) => `-X ${name}`),
  ];
  return lines.length === 0 ? '' : ['*mangle', ...lines, 'COMMIT', ''].join('\n');
}
