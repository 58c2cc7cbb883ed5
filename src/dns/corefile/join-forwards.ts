// The forwards of all server blocks as one list of zones, so that each name goes where CoreDNS would send it. Pure.

import type { ForwardZoneFile } from '../forward-config.ts';
import type { BlockDraft, ForwardDraft } from './draft.ts';

/** Zones of no upstreams stand for names that CoreDNS answers with a failure. */
export function joinForwards(drafts: readonly BlockDraft[]): readonly ForwardZoneFile[] {
  const zones = new Map<string, ForwardZoneFile>();
  const left: string[] = [];
  for (const draft of drafts) {
    for (const zone of draft.zones) {
      const own = forwardsOf(draft, zone);
      join(own, draft, zones);
      left.push(...leftOf(own, zone).filter((it) => !lies(it, draft.clusterDomain)));
    }
  }
  for (const zone of [...left, '.']) if (!zones.has(zone)) zones.set(zone, { zone, upstreams: [] });
  return [...zones.values()];
}

function forwardsOf(draft: BlockDraft, blockZone: string): readonly ForwardDraft[] {
  return draft.forwards.flatMap(({ at, file }) => {
    const zone = common(blockZone, file.zone);
    if (zone !== undefined) return [{ at, file: { ...file, zone } }];
    const message = `names of "${file.zone}" never come to the block of "${blockZone}"`;
    draft.warning(at, message, 'take it away');
    return [];
  });
}

function join(own: readonly ForwardDraft[], draft: BlockDraft, zones: Map<string, ForwardZoneFile>): void {
  sayUnreached(own, draft);
  for (const { at, file } of own) {
    if (zones.has(file.zone)) {
      draft.error(at, `zone "${file.zone}" is forwarded twice`, 'put the addresses into one forward');
    }
    sayOwnNames(file.zone, draft, at);
    zones.set(file.zone, file);
  }
}

/** Names that nobody of the block is asked for: they must not go to the upstreams of a larger zone. */
function leftOf(own: readonly ForwardDraft[], blockZone: string): readonly string[] {
  const excepted = own.flatMap(({ file }) => file.except ?? []).filter((it) => lies(it, blockZone));
  return [blockZone, ...excepted].filter(
    (name) => !own.some(({ file }) => lies(name, file.zone) && !file.except?.some((it) => lies(name, it))),
  );
}

/** CoreDNS takes the first forward that has the name, we the most specific one. */
function sayUnreached(own: readonly ForwardDraft[], draft: BlockDraft): void {
  for (const [i, { at, file }] of own.entries()) {
    const earlier = own.slice(0, i).find((it) => it.file.zone !== file.zone && lies(file.zone, it.file.zone));
    if (earlier === undefined) continue;
    const message = `names of "${file.zone}" are asked here, where CoreDNS stops at line ${earlier.at.line}`;
    draft.warning(at, message, 'put it before that line');
  }
}

function sayOwnNames(zone: string, draft: BlockDraft, at: ForwardDraft['at']): void {
  if (!lies(zone, draft.clusterDomain)) return;
  const message = `names below "${draft.clusterDomain}" are answered from the cluster, never forwarded`;
  if (zone === draft.clusterDomain) draft.warning(at, message, 'take it away');
  else draft.error(at, message, 'forward a zone elsewhere');
}

/** The names that lie in both. */
function common(a: string, b: string): string | undefined {
  if (lies(a, b)) return a;
  return lies(b, a) ? b : undefined;
}

export function lies(zone: string, within: string): boolean {
  return within === '.' || zone === within || zone.endsWith(`.${within}`);
}
