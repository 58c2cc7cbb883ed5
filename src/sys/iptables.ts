// iptables through its own programs, in either flavour: scripts for `iptables-restore --noflush`, text of `iptables-save`. A table is changed
// whole or not at all; a script of two tables is two changes.

import { readFileSync } from 'node:fs';
import type { Family } from '../base/ip.ts';
import { FairleadError, hasCode, messageOf } from '../base/errors.ts';
import { inNetns, type Netns } from './netns.ts';
import { runProgram, type RunOptions } from './process.ts';

/** `nft`: rules live in nf_tables. `legacy`: in the tables of the kernel's own ip_tables, which are exchanged whole at every change. */
export type IptablesFlavour = 'nft' | 'legacy';

/** Which program, where. */
export interface IptablesPlace {
  readonly flavour: IptablesFlavour;
  readonly family: Family;
  readonly netns?: Netns | string;
  readonly signal?: AbortSignal;
}

/** 10,000 Services with 10 endpoints are about 40 MB of rules. */
const MAX_SAVE_BYTES = 1024 * 1024 * 1024;
/** A large table takes the legacy program seconds, and the emulated machines of the tests many times that. */
const TIMEOUT_MS = 300_000;
/** Others hold the lock of the legacy tables while they write theirs. */
const LOCK_WAIT_S = 30;
/** How the flavours name a line: "Error occurred at line: 4", "line 3: CHAIN_DEL failed", "iptables-restore: line 2 failed". */
const LINE = /\bline:? (\d+)/;

/** Whole, or in pieces that are made as the program takes them. */
type Script = string | (() => Iterable<string>);

/**
 * Runs a script that leaves alone whatever it does not name. The error names the line at fault with its text, for which pieces are made once more.
 */
export async function restoreIptables(script: Script, place: IptablesPlace): Promise<void> {
  const program = iptablesProgram('restore', place);
  try {
    await runProgram(program, ['--noflush', `--wait=${LOCK_WAIT_S}`], { ...optionsOf(place), stdin: script });
  } catch (error) {
    throw restoreError(error, script);
  }
}

/** All tables as text (iptables-save(8)). Tables that nobody has used are not made by asking, and not shown. */
export async function saveIptables(place: IptablesPlace): Promise<string> {
  const options = { ...optionsOf(place), maxOutputBytes: MAX_SAVE_BYTES };
  const { stdout } = await runProgram(iptablesProgram('save', place), [], options);
  return stdout;
}

/** A chain's rules with their counters (`-nvx -L`); undefined where there is no such chain, or no such program. */
export async function listIptablesChain(
  { table, chain }: { readonly table: string; readonly chain: string },
  place: IptablesPlace,
): Promise<string | undefined> {
  const program = `${place.family === 4 ? 'iptables' : 'ip6tables'}-${place.flavour}`;
  const wait = `--wait=${LOCK_WAIT_S}`;
  try {
    const { stdout } = await runProgram(program, [wait, '-t', table, '-nvx', '-L', chain], optionsOf(place));
    return stdout;
  } catch (error) {
    if (hasCode(error, 'unsupported') || (hasCode(error, 'kernel') && NO_CHAIN.test(error.message)))
      return undefined;
    throw error;
  }
}

/** "iptables: No chain/target/match by that name.", "chain `X' in table `mangle' is incompatible" of what was never made. */
const NO_CHAIN = /No chain\/target\/match by that name|chain `[^']+' in table `[^']+' is incompatible/;

/**
 * Whether any table of the legacy flavour has been made in the namespace: without one there are no rules, and no program need be asked. A table is made when
 * it is first used, and stays as long as its namespace.
 */
export function hasLegacyTables({ family, netns }: Pick<IptablesPlace, 'family' | 'netns'>): boolean {
  const file = `/proc/thread-self/net/ip${family === 4 ? '' : '6'}_tables_names`;
  const read = (): string => readFileSync(file, 'utf8');
  try {
    return (netns === undefined ? read() : inNetns(netns, read)) !== '';
  } catch (error) {
    // A kernel without the flavour has no such file.
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return false;
    throw error;
  }
}

export function iptablesProgram(
  verb: 'restore' | 'save',
  { flavour, family }: Pick<IptablesPlace, 'flavour' | 'family'>,
): string {
  return `${family === 4 ? 'iptables' : 'ip6tables'}-${flavour}-${verb}`;
}

function optionsOf(place: IptablesPlace): RunOptions {
  return {
    timeoutMs: TIMEOUT_MS,
    ...(place.netns === undefined ? {} : { netns: place.netns }),
    ...(place.signal === undefined ? {} : { signal: place.signal }),
  };
}

function restoreError(error: unknown, script: Script): FairleadError {
  const code = error instanceof FairleadError ? error.code : 'kernel';
  const details = error instanceof FairleadError ? error.details : {};
  const line = hasCode(error, 'kernel') ? failedLine(error.message, script) : undefined;
  const where = line === undefined ? '' : ` at "${line}"`;
  return new FairleadError(code, `Cannot load iptables rules${where}: ${messageOf(error)}`, {
    cause: error,
    details: { ...details, line },
  });
}

/** The line of the script that the program complains of. */
function failedLine(message: string, script: Script): string | undefined {
  const number = LINE.exec(message)?.[1];
  const text = typeof script === 'string' ? script : [...script()].join('');
  return number === undefined ? undefined : text.split('\n')[Number(number) - 1];
}
