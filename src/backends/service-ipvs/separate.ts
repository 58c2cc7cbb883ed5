// The virtual service of a frontend's outside clients where they have other endpoints: made, changed and removed with its mark.

import { familyOf } from '../../base/ip.ts';
import type { IpvsKey } from '../../wire/netlink/ipvs.ts';
import { addMarked, balance, unbalance } from './balance.ts';
import type { ElementChange } from './element-table.ts';
import type { IpvsKernel } from './kernel.ts';
import { frontendText, markOf } from './observe.ts';
import type { IpvsRow } from './row.ts';
import { isHiddenMark } from './table.ts';

/**
 * The service stands before any packet is marked for it; gives the change of elements that marks them. What of the services is nobody's then, the
 * one of another number or one whose elements are refused, goes as what is left over (`stray-services.ts`).
 */
export async function prepareSeparate(
  kernel: IpvsKernel,
  key: string,
  row: IpvsRow,
  seen: IpvsRow | undefined,
): Promise<ElementChange> {
  const { outside } = row;
  if (outside === undefined) return { remove: [], add: [] };
  const family = familyOf(row.ip);
  const known = seen?.outside?.mark ?? (await askMark(kernel, row));
  // Whether clients are hidden is part of the number.
  const isKept = known !== undefined && isHiddenMark(known) === outside.isHidden;
  const mark = isKept ? known : addMarked(kernel.ipvs, key, { ...outside, family });
  const service: IpvsKey = { kind: 'mark', family, mark };
  await balance(kernel.ipvs, service, { ...outside, keepsFlows: row.protocol === 'TCP', isNew: false });
  if (isKept) return { remove: [], add: [] };
  const remove = known === undefined ? [] : [markElement(row, known)];
  return { remove, add: [markElement(row, mark)] };
}

/** True where it has to stay. */
export async function dropSeparate(kernel: IpvsKernel, row: IpvsRow): Promise<boolean> {
  const mark = row.outside?.mark ?? (await askMark(kernel, row));
  if (mark === undefined) return false;
  const service: IpvsKey = { kind: 'mark', family: familyOf(row.ip), mark };
  const keepsFlows = row.protocol === 'TCP';
  if (await unbalance(kernel.ipvs, service, { keepsFlows, known: row.outside?.destinations })) return true;
  const [refused] = kernel.table.change([{ remove: [markElement(row, mark)], add: [] }]);
  // Gone already is as good.
  if (refused !== undefined && (await askMark(kernel, row)) !== undefined) throw refused.error;
  return false;
}

/** A row that was written and not observed since does not say its mark: the table does. */
async function askMark({ table }: IpvsKernel, row: IpvsRow): Promise<number | undefined> {
  const found = await table.find(`marks${familyOf(row.ip)} ${frontendText(row)}`);
  return found === undefined ? undefined : markOf([found]);
}

function markElement(row: IpvsRow, mark: number): string {
  return `marks${familyOf(row.ip)} ${frontendText(row)} : ${mark}`;
}
