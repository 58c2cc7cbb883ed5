// Elements of the table: how they are written for `nft` and read from its JSON (libnftables-json(5)). Pure.

import { tryParseIp } from '../../base/ip.ts';
import { IPVS_TABLE } from './table.ts';

type Json = Readonly<Record<string, unknown>>;

/** "add element ..." of "<set> <key>" or "<map> <key> : <value>". */
export function addLine(element: string): string {
  return lineOf('add', element);
}

export function deleteLine(element: string): string {
  const value = element.indexOf(' : ');
  return lineOf('delete', value < 0 ? element : element.slice(0, value));
}

function lineOf(verb: 'add' | 'delete', element: string): string {
  const at = element.indexOf(' ');
  const { family, name } = IPVS_TABLE;
  return `${verb} element ${family} ${name} ${element.slice(0, at)} { ${element.slice(at + 1)} }\n`;
}

/** All elements of the listed objects of a table, written as `renderFrontend` writes them. */
export function elementsOfTable(objects: readonly Json[]): readonly string[] {
  return objects.flatMap((object) => {
    const set = object['set'] ?? object['map'];
    if (!isRecord(set) || typeof set['name'] !== 'string' || !Array.isArray(set['elem'])) return [];
    const name = set['name'];
    return set['elem'].map((it: unknown) =>
      Array.isArray(it) ? `${name} ${keyText(it[0])} : ${valueText(it[1])}` : `${name} ${keyText(it)}`,
    );
  });
}

function keyText(key: unknown): string {
  if (isRecord(key) && Array.isArray(key['concat'])) return key['concat'].map(partText).join(' . ');
  return partText(key);
}

function partText(part: unknown): string {
  const prefix = isRecord(part) ? part['prefix'] : undefined;
  if (isRecord(prefix)) return `${partText(prefix['addr'])}/${String(prefix['len'])}`;
  if (typeof part === 'string') return tryParseIp(part) ?? part;
  return typeof part === 'number' ? String(part) : JSON.stringify(part);
}

function valueText(value: unknown): string {
  if (!isRecord(value)) return String(value);
  const goto = value['goto'];
  if (isRecord(goto)) return `goto ${String(goto['target'])}`;
  return Object.keys(value).join(' ');
}

function isRecord(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
