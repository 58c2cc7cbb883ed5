// nftables through the `nft` program: one script is one transaction of the kernel.

import { FairleadError, messageOf } from '../base/errors.ts';
import type { Netns } from './netns.ts';
import { runProgram, type RunOptions } from './process.ts';

const MAX_LIST_BYTES = 256 * 1024 * 1024;

export type NftFamily = 'ip' | 'ip6' | 'inet' | 'arp' | 'bridge' | 'netdev';

export interface NftTable {
  readonly family: NftFamily;
  readonly name: string;
}

export interface NftPlace {
  readonly netns?: Netns | string;
  readonly signal?: AbortSignal;
}

/** Loads a script (as `nft -f`): all of it or nothing. */
export async function applyNft(script: string, place: NftPlace = {}): Promise<void> {
  try {
    await runProgram('nft', ['-f', '-'], { ...optionsOf(place), stdin: script });
  } catch (error) {
    throw named('load nftables rules', error);
  }
}

/** The objects of a table as `nft -j` prints them (libnftables-json(5)), without the header; undefined where there is no such table. */
export async function listNftTable(
  table: NftTable,
  place: NftPlace = {},
): Promise<readonly Readonly<Record<string, unknown>>[] | undefined> {
  const isThere = async (): Promise<boolean> =>
    (await listNftTables(place)).some((it) => it.family === table.family && it.name === table.name);
  if (!(await isThere())) return undefined;
  try {
    return await listJson(['list', 'table', table.family, table.name], place);
  } catch (error) {
    if (!(await isThere())) return undefined;
    throw named(`list nftables table ${table.family} ${table.name}`, error);
  }
}

export async function listNftTables(place: NftPlace = {}): Promise<readonly NftTable[]> {
  const objects = await listJson(['list', 'tables'], place);
  return objects.flatMap((object) => {
    const table = object['table'];
    return isTable(table) ? [{ family: table.family, name: table.name }] : [];
  });
}

/** Deletes a table with all in it; one that is not there is no error. */
export async function deleteNftTable(table: NftTable, place: NftPlace = {}): Promise<void> {
  // Adding what exists changes nothing, so that the deletion that follows in the same transaction always finds it.
  const name = `${table.family} ${table.name}`;
  await applyNft(`add table ${name}\ndelete table ${name}\n`, place);
}

async function listJson(
  args: readonly string[],
  place: NftPlace,
): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const options = { ...optionsOf(place), maxOutputBytes: MAX_LIST_BYTES };
  const { stdout } = await runProgram('nft', ['-j', ...args], options);
  const document: unknown = JSON.parse(stdout);
  if (!isRecord(document) || !Array.isArray(document['nftables'])) {
    throw new FairleadError('invalid', `Cannot read the output of "nft -j ${args.join(' ')}"`);
  }
  return document['nftables'].filter((it) => isRecord(it) && !('metainfo' in it)) as Record<
    string,
    unknown
  >[];
}

function optionsOf(place: NftPlace): RunOptions {
  return {
    ...(place.netns === undefined ? {} : { netns: place.netns }),
    ...(place.signal === undefined ? {} : { signal: place.signal }),
  };
}

function isTable(value: unknown): value is NftTable {
  return isRecord(value) && typeof value['family'] === 'string' && typeof value['name'] === 'string';
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function named(action: string, error: unknown): FairleadError {
  const code = error instanceof FairleadError ? error.code : 'kernel';
  const details = error instanceof FairleadError ? error.details : {};
  return new FairleadError(code, `Cannot ${action}: ${messageOf(error)}`, { cause: error, details });
}
