// Rules of the backend, read back into their parts. It knows the matches that are rendered and refuses all others, so that no walk passes over one.

import { parseCidr, type Cidr } from '../../base/cidr.ts';
import { FairleadError } from '../../base/errors.ts';
import { parsePort, parseProtocol, type Port, type Protocol } from '../../base/port.ts';

export type RuleAction =
  | { readonly kind: 'chain'; readonly chain: string }
  | { readonly kind: 'mark'; readonly value: number; readonly mask: number }
  /** "ip port". */
  | { readonly kind: 'translate'; readonly to: string }
  | { readonly kind: 'end'; readonly end: 'accept' | 'drop' | 'refuse' | 'return' };

export interface ParsedRule {
  readonly source?: Cidr;
  readonly destination?: Cidr;
  readonly protocol?: Protocol;
  readonly port?: Port;
  readonly mark?: { readonly value: number; readonly mask: number; readonly isNegated: boolean };
  readonly isFromLocal?: boolean;
  /** Only clients that were here before. */
  readonly isRemembered?: boolean;
  readonly isChance?: boolean;
  /** Only what was translated already. */
  readonly isTranslated?: boolean;
  readonly action: RuleAction;
}

const ENDS: Readonly<Record<string, 'accept' | 'drop' | 'refuse' | 'return'>> = {
  ACCEPT: 'accept',
  DROP: 'drop',
  REJECT: 'refuse',
  RETURN: 'return',
};
/** Options that decide nothing for the first packet of a flow, with the number of their words. */
const ASIDE: Readonly<Record<string, number>> = {
  '-m': 1,
  '--comment': 1,
  '--mode': 1,
  '--seconds': 1,
  '--reap': 0,
  '--name': 1,
  '--mask': 1,
  '--rsource': 0,
  '--set': 0,
  '--random-fully': 0,
  '--reject-with': 1,
};

type Parts = { -readonly [K in keyof ParsedRule]: ParsedRule[K] };

export function parseRule(text: string): ParsedRule {
  const words = text.split(' ');
  const parts: Partial<Parts> = {};
  let isNegated = false;
  for (let at = 0; at < words.length;) {
    const [option = '', value = ''] = words.slice(at, at + 2);
    const aside = ASIDE[option];
    if (option === '!') isNegated = true;
    at +=
      option === '!'
        ? 1
        : aside === undefined
          ? takeOption(parts, text, { option, value, isNegated })
          : 1 + aside;
    if (option !== '!') isNegated = false;
  }
  const { action } = parts;
  if (action === undefined) throw unknownRule(text);
  return { ...parts, action };
}

interface Option {
  readonly option: string;
  readonly value: string;
  readonly isNegated: boolean;
}

/** How many words it took. */
function takeOption(parts: Partial<Parts>, text: string, { option, value, isNegated }: Option): number {
  if (isNegated && option !== '--mark') throw unknownRule(text);
  if (option === '-s') parts.source = parseCidr(value);
  else if (option === '-d') parts.destination = parseCidr(value);
  else if (option === '-p') parts.protocol = parseProtocol(value.toUpperCase());
  else if (option === '--dport') parts.port = parsePort(Number(value));
  else if (option === '--mark') parts.mark = { ...maskedOf(value), isNegated };
  else if (option === '--probability') parts.isChance = true;
  else if (option === '--src-type' && value === 'LOCAL') parts.isFromLocal = true;
  else if (option === '--ctstate' && value === 'NEW') return 2;
  else if (option === '--ctstate' && value === 'DNAT') parts.isTranslated = true;
  else if (option === '--set-xmark') parts.action = markOf(parts.action, value);
  else if (option === '--to-destination') parts.action = { kind: 'translate', to: endpointOf(value) };
  else if (option === '--to-source') return 2;
  else if (option === '-j') parts.action = actionOf(value);
  else if (option === '--rcheck') {
    parts.isRemembered = true;
    return 1;
  } else throw unknownRule(text);
  return 2;
}

/** MARK, DNAT and SNAT say more in options that follow. */
function actionOf(target: string): RuleAction {
  const end = ENDS[target];
  return end === undefined ? { kind: 'chain', chain: target } : { kind: 'end', end };
}

/** Marks of flows decide nothing on a packet's way. */
function markOf(action: RuleAction | undefined, value: string): RuleAction {
  const isOfFlow = action?.kind === 'chain' && action.chain === 'CONNMARK';
  return { kind: 'mark', ...(isOfFlow ? { value: 0, mask: 0 } : maskedOf(value)) };
}

function maskedOf(text: string): { readonly value: number; readonly mask: number } {
  const [value, mask] = text.split('/').map(Number);
  return { value: value ?? 0, mask: mask ?? 0xffff_ffff };
}

function endpointOf(text: string): string {
  const at = text.lastIndexOf(':');
  return `${text.slice(0, at).replaceAll(/[[\]]/g, '')} ${text.slice(at + 1)}`;
}

function unknownRule(text: string): FairleadError {
  return new FairleadError('invalid', `Cannot read iptables rule "${text}"`);
}
