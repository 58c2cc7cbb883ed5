// Pure: one frontend to its chains and the one rule that leads there. Needs the frontend, and which addresses the node's own clients have.

import { cidrFamily, cidrHasIp, hostCidr, type Cidr } from '../../base/cidr.ts';
import { familyOf, type Family, type Ip } from '../../base/ip.ts';
import { frontendKey, type Endpoint, type EndpointChoice, type Frontend } from '../../model/network.ts';
import { CHAINS, endpointChain, frontendChain, MARKS } from './names.ts';
import {
  changeMark,
  fromSource,
  jump,
  leaveAddress,
  oneOf,
  remember,
  remembered,
  setMark,
  toFrontend,
  translate,
  whereMarked,
} from './rule-text.ts';

export type Table = 'nat' | 'filter';

/** A rule in a chain that frontends share. */
export interface EntryRule {
  readonly table: Table;
  readonly chain: string;
  readonly rule: string;
}

/** What the kernel holds for one frontend. A desired row has exactly one entry; a seen one may have more, or none. */
export interface FrontendRow {
  readonly family: Family;
  readonly entries: readonly EntryRule[];
  /** Chains of the nat table that are this frontend's alone, with their rules, a line each, in the order in which jumps reach them. */
  readonly chains: ReadonlyMap<string, string>;
}

/** Whose packets may come to an endpoint that is the sender itself: this node's pods, and the node. */
export interface OwnClients {
  readonly podCidrs: readonly Cidr[];
  readonly addresses: readonly Ip[];
}

export function renderFrontend(frontend: Frontend, own: OwnClients): FrontendRow {
  const family = familyOf(frontend.ip);
  const key = frontendKey(frontend);
  if (frontend.kind === 'node-local') {
    const rule = leaveAddress(frontend.ip, key);
    return { family, entries: [{ table: 'filter', chain: CHAINS.clusterIps, rule }], chains: new Map() };
  }
  const entry = frontendChain('S', key);
  const rule = toFrontend(frontend, entry);
  const chainOf = chainsOfEndpoints(frontend, key, own);
  return {
    family,
    entries: [{ table: 'nat', chain: CHAINS.services, rule }],
    chains: new Map([
      ...gateChains(frontend, key),
      ...balancingChains(frontend, key, chainOf),
      ...endpointChains(frontend, chainOf),
    ]),
  };
}

type ChainText = readonly [name: string, rules: string];

/** Source ranges stand before everything else; without any the frontend's chain is the balancing one. */
function gateChains(frontend: Frontend, key: string): readonly ChainText[] {
  if (frontend.sourceRanges === undefined) return [];
  const ranges = frontend.sourceRanges.filter((cidr) => cidrFamily(cidr) === familyOf(frontend.ip));
  const allowed = ranges.map((cidr) => fromSource(cidr, frontendChain('B', key)));
  return [[frontendChain('S', key), lines([...new Set(allowed), jump(CHAINS.drop)])]];
}

function balancingChains(frontend: Frontend, key: string, chainOf: EndpointChains): readonly ChainText[] {
  const { inside, outside, masqueradesOutside, sourceRanges } = frontend;
  const chain = frontendChain(sourceRanges === undefined ? 'S' : 'B', key);
  if (isSameChoice(inside, outside)) {
    const masquerade =
      masqueradesOutside && inside.endpoints.length > 0 ? [jump(CHAINS.masqueradeOutside)] : [];
    return [[chain, lines([...masquerade, ...choose(frontend, inside, chainOf)])]];
  }
  const elsewhere = frontendChain('X', key);
  const branch = [jump(CHAINS.markOutside), whereMarked(MARKS.outside, jump(elsewhere))];
  // The mark has told all it had to; it must not go out with the packet.
  const mark = changeMark(masqueradesOutside ? MARKS.masquerade : 0, MARKS.outside);
  return [
    [chain, lines([...branch, ...choose(frontend, inside, chainOf)])],
    [elsewhere, lines([mark, ...choose(frontend, outside, chainOf)])],
  ];
}

function choose(frontend: Frontend, choice: EndpointChoice, chainOf: EndpointChains): readonly string[] {
  const { affinityTimeoutS, ip, protocol } = frontend;
  const endpoints = ofFamily(frontend, choice);
  if (endpoints.length === 0) return [jump(choice.whenEmpty === 'drop' ? CHAINS.drop : CHAINS.refuse)];
  const known =
    affinityTimeoutS === undefined
      ? []
      : endpoints
          .flatMap((it) => chainOf.get(it) ?? [])
          .map((chain) => remembered(chain, affinityTimeoutS, ip));
  const chosen = endpoints.map((it, at) => {
    const left = endpoints.length - at;
    const chain = chainOf.get(it);
    return chain === undefined ? translate(it, protocol, oneOf(left)) : oneOf(left, jump(chain));
  });
  return [...known, ...chosen];
}

/**
 * An endpoint that has more to do than to translate. The others have none: for every change the kernel walks all rules from each hook on, so that a chain
 * with two rules for each endpoint would double the time of all changes.
 */
function hasChain({ affinityTimeoutS }: Frontend, { ip }: Endpoint, own: OwnClients): boolean {
  return (
    affinityTimeoutS !== undefined ||
    own.addresses.includes(ip) ||
    own.podCidrs.some((cidr) => cidrHasIp(cidr, ip))
  );
}

/** Names of endpoints' chains, for those that have one. */
type EndpointChains = ReadonlyMap<Endpoint, string>;

function chainsOfEndpoints(frontend: Frontend, key: string, own: OwnClients): EndpointChains {
  const { inside, outside } = frontend;
  const all = [
    ...ofFamily(frontend, inside),
    ...(isSameChoice(inside, outside) ? [] : ofFamily(frontend, outside)),
  ];
  return new Map(all.filter((it) => hasChain(frontend, it, own)).map((it) => [it, endpointChain(key, it)]));
}

function endpointChains(
  { protocol, affinityTimeoutS }: Frontend,
  chainOf: EndpointChains,
): readonly ChainText[] {
  const byChain = new Map([...chainOf].map(([endpoint, chain]) => [chain, endpoint]));
  return [...byChain].map(([chain, endpoint]) => [
    chain,
    lines([
      // A client that is its own endpoint must not see its own address as the sender: it would answer itself, untranslated.
      `-s ${hostCidr(endpoint.ip)} ${setMark(MARKS.masquerade)}`,
      translate(endpoint, protocol, affinityTimeoutS === undefined ? '' : remember(chain, endpoint.ip)),
    ]),
  ]);
}

function ofFamily(frontend: Frontend, choice: EndpointChoice): EndpointChoice['endpoints'] {
  const family = familyOf(frontend.ip);
  return choice.endpoints.filter((it) => familyOf(it.ip) === family);
}

function isSameChoice(a: EndpointChoice, b: EndpointChoice): boolean {
  if (a === b) return true;
  if (a.endpoints.length !== b.endpoints.length) return false;
  if (a.endpoints.length === 0) return a.whenEmpty === b.whenEmpty;
  return a.endpoints.every((it, at) => it.ip === b.endpoints[at]?.ip && it.port === b.endpoints[at].port);
}

function lines(rules: readonly string[]): string {
  return rules.join('\n');
}

/** Same behaviour of the kernel. */
export function isSameRow(a: FrontendRow, b: FrontendRow): boolean {
  return (
    a.family === b.family &&
    a.chains.size === b.chains.size &&
    a.entries.length === b.entries.length &&
    a.entries.every((it, at) => isSameEntry(it, b.entries[at])) &&
    [...a.chains].every(([name, rules]) => b.chains.get(name) === rules)
  );
}

export function isSameEntry(a: EntryRule, b: EntryRule | undefined): boolean {
  return a.table === b?.table && a.chain === b.chain && a.rule === b.rule;
}
