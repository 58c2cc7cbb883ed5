// Pure: frontends to the elements of the table. A frontend's elements follow from it alone.

import { cidrFamily, hostCidr, type Cidr } from '../../base/cidr.ts';
import { familyOf, type Family } from '../../base/ip.ts';
import type { EndpointChoice, Frontend, ServiceView } from '../../model/network.ts';
import type { FrontendRendering } from '../shared-node/service-backend.ts';
import { withoutCovered } from '../shared-nft/without-covered.ts';
import {
  DROP_MARK,
  MAX_AFFINITY_S,
  markOfKind,
  markText,
  MAX_ENDPOINTS,
  numberMark,
  REFUSE_MARK,
  stickyMark,
  type ClientSide,
} from './flow-kind.ts';
import { endpointText, markedName, type FrontendRow, type RowEndpoint } from './frontend-row.ts';
import { REFUSED_SET, SKELETON_KEY, SKELETON_MARK, type SkeletonEntry } from './skeleton-entry.ts';

const FAMILIES: readonly Family[] = [4, 6];

/** Nothing of the view but the frontend decides its row. */
export const NFTABLES_RENDERING: FrontendRendering<FrontendRow, undefined> = {
  contextOf: () => undefined,
  renderFrontend,
};

/** Undefined for `node-local` frontends: their traffic reaches the node untouched. */
export function renderFrontend(frontend: Frontend): FrontendRow | undefined {
  if (frontend.kind === 'node-local') return undefined;
  const { ip, port, protocol } = frontend;
  const elements = new Map<string, string>();
  const inside = endpointsOf(frontend, frontend.inside);
  const outside = endpointsOf(frontend, frontend.outside);
  const affinityTimeoutS = Math.min(frontend.affinityTimeoutS ?? 0, MAX_AFFINITY_S);
  addChoice(elements, { side: 'inside', whenEmpty: frontend.inside.whenEmpty, endpoints: inside, affinityTimeoutS }); // prettier-ignore
  // Most frontends treat everybody the same: one set of elements serves both.
  if (!isSameChoice(frontend, inside, outside)) {
    addChoice(elements, { side: 'outside', whenEmpty: frontend.outside.whenEmpty, endpoints: outside, affinityTimeoutS }); // prettier-ignore
  }
  if (frontend.masqueradesOutside) elements.set('masquerade', '');
  addSourceRanges(elements, frontend);
  return { ip, port, protocol, elements };
}

function endpointsOf(frontend: Frontend, choice: EndpointChoice): readonly RowEndpoint[] {
  const family = familyOf(frontend.ip);
  return choice.endpoints.filter((it) => familyOf(it.ip) === family).slice(0, MAX_ENDPOINTS);
}

function isSameChoice(
  frontend: Frontend,
  inside: readonly RowEndpoint[],
  outside: readonly RowEndpoint[],
): boolean {
  if (frontend.inside === frontend.outside) return true;
  if (inside.length !== outside.length) return false;
  if (inside.length === 0) return frontend.inside.whenEmpty === frontend.outside.whenEmpty;
  return inside.every((it, at) => it.ip === outside[at]?.ip && it.port === outside[at].port);
}

interface Choice {
  readonly side: ClientSide;
  readonly endpoints: readonly RowEndpoint[];
  readonly whenEmpty: EndpointChoice['whenEmpty'];
  readonly affinityTimeoutS: number;
}

function addChoice(elements: Map<string, string>, choice: Choice): void {
  const { side, endpoints, affinityTimeoutS } = choice;
  elements.set(side === 'inside' ? 'services' : 'outside', markText(markOfChoice(choice)));
  for (const [at, it] of endpoints.entries()) {
    const text = endpointText(it);
    const number = numberMark(side, at);
    if (affinityTimeoutS === 0) {
      elements.set(markedName('endpoints', number), text);
      continue;
    }
    let hash = hashOf(text);
    // Two endpoints of one frontend never stand for each other.
    while (elements.has(markedName('endpoints', stickyMark(side, hash)))) hash++;
    const mark = stickyMark(side, hash);
    elements.set(markedName('identities', number), markText(mark));
    elements.set(markedName('endpoints', mark), text);
  }
}

function markOfChoice({ side, endpoints, whenEmpty, affinityTimeoutS }: Choice): number {
  if (endpoints.length > 0) return markOfKind({ side, endpointCount: endpoints.length, affinityTimeoutS });
  return whenEmpty === 'drop' ? DROP_MARK : REFUSE_MARK;
}

/** FNV-1a. */
function hashOf(text: string): number {
  let hash = 0x811c_9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x0100_0193);
  return (hash ^ (hash >>> 15)) >>> 0;
}

function addSourceRanges(elements: Map<string, string>, frontend: Frontend): void {
  if (frontend.sourceRanges === undefined) return;
  const family = familyOf(frontend.ip);
  elements.set('limited', '');
  for (const cidr of withoutCovered(frontend.sourceRanges.filter((it) => cidrFamily(it) === family))) {
    elements.set(`allowed ${cidr}`, '');
  }
}

/** The table itself, and the addresses by which it tells clients and Services apart. */
export function renderSkeleton(view: ServiceView): ReadonlyMap<string, SkeletonEntry> {
  const local = new Set<Cidr>();
  for (const it of view.frontends.values()) if (it.kind === 'node-local') local.add(hostCidr(it.ip));
  const entry: SkeletonEntry = {
    mark: SKELETON_MARK,
    pods: sorted(view.node.podCidrs),
    local: sorted([...local]),
    behind: FAMILIES.flatMap((family) => view.node.addresses.find((it) => familyOf(it) === family) ?? []),
  };
  return new Map([[SKELETON_KEY, entry]]);
}

/** Prefixes whose unused ports are refused. */
export function renderRefused(view: ServiceView): ReadonlyMap<string, readonly Cidr[]> {
  return new Map([[REFUSED_SET, sorted(view.cluster.serviceCidrs)]]);
}

function sorted(cidrs: readonly Cidr[]): readonly Cidr[] {
  return withoutCovered(cidrs).toSorted();
}
