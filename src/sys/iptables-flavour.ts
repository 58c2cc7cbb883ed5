// Which flavour of iptables this machine speaks, and whether the other one is in use beside it: rules of both meet every packet, and whoever
// lists one does not see the other's (kubernetes#71305, #112477, #136786).

import { accessSync, constants, realpathSync } from 'node:fs';
import path from 'node:path';
import { FairleadError, hasCode } from '../base/errors.ts';
import type { Family } from '../base/ip.ts';
import { saveIptables, type IptablesFlavour } from './iptables.ts';
import type { Netns } from './netns.ts';

export const IPTABLES_FLAVOURS: readonly IptablesFlavour[] = ['nft', 'legacy'];
const FAMILIES: readonly Family[] = [4, 6];
/** Where distributions put it, whatever the caller's PATH is. */
const PROGRAM_FOLDERS = ['/usr/sbin', '/sbin', '/usr/local/sbin', '/usr/bin', '/bin'];

/** What stands in a namespace. */
export interface IptablesUse {
  /** The flavour of the program `iptables`, undefined where there is none. */
  readonly system: IptablesFlavour | undefined;
  /** Rules and chains of users in all tables of both families; undefined where the flavour's programs are missing. */
  readonly counts: Readonly<Record<IptablesFlavour, number | undefined>>;
}

/** The flavour of what `iptables` leads to: Debian's alternatives end at xtables-nft-multi or xtables-legacy-multi. Undefined where there is none. */
export function systemIptablesFlavour(
  folders: readonly string[] = PROGRAM_FOLDERS,
): IptablesFlavour | undefined {
  const found = folders.map((folder) => path.join(folder, 'iptables')).find(isExecutable);
  if (found === undefined) return undefined;
  return path.basename(realpathSync(found)).includes('nft') ? 'nft' : 'legacy';
}

/** What is wrong with the use of both flavours, in words; undefined where nothing is. */
export function iptablesConflict({ system, counts }: IptablesUse): string | undefined {
  const { nft = 0, legacy = 0 } = counts;
  if (nft > 0 && legacy > 0)
    return `both flavours are in use: ${nft} rules and chains of iptables-nft, ${legacy} of iptables-legacy`;
  if (system === undefined) return undefined;
  const other = system === 'nft' ? 'legacy' : 'nft';
  const count = counts[other] ?? 0;
  if (count === 0) return undefined;
  return `"iptables" is of the ${system} flavour, but ${count} rules and chains stand in that of iptables-${other}`;
}

/** Asks both flavours; a kernel without one of them has no rules of it. */
export async function iptablesUse(netns?: Netns | string): Promise<IptablesUse> {
  const [nft, legacy] = [await countRules('nft', netns), await countRules('legacy', netns)];
  return { system: systemIptablesFlavour(), counts: { nft, legacy } };
}

/** Rules and users' chains in the output of `iptables-save`: the built-in chains alone count for nothing. */
export function countSavedRules(text: string): number {
  return text.split('\n').filter((line) => line.startsWith('-A ') || /^:\S+ - /.test(line)).length;
}

async function countRules(flavour: IptablesFlavour, netns?: Netns | string): Promise<number | undefined> {
  let count = 0;
  for (const family of FAMILIES) {
    try {
      const text = await saveIptables({ flavour, family, ...(netns === undefined ? {} : { netns }) });
      count += countSavedRules(text);
    } catch (error) {
      if (hasCode(error, 'unsupported')) return undefined;
      // The programs are there, the kernel's half is not.
      if (!hasCode(error, 'kernel')) throw error;
    }
  }
  return count;
}

/** For `doctor`: throws what is wrong where both flavours are in use. */
export async function tryOneFlavour(netns?: Netns | string): Promise<void> {
  const conflict = iptablesConflict(await iptablesUse(netns));
  if (conflict !== undefined)
    throw new FairleadError('unsupported', `Cannot tell who rules packets: ${conflict}`);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
