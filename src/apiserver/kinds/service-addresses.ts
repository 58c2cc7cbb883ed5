// Addresses and families of Services: which it gets, which it keeps. What is taken is read from the stored Services alone.

import { cidrFamily, cidrHasIp, cidrIpAt, cidrSize, type Cidr } from '../../base/cidr.ts';
import { familyOf, tryParseIp, type Family, type Ip } from '../../base/ip.ts';
import { listOf, objectOf, textOf, type Draft } from '../../objects/json.ts';
import { forbiddenField, invalidValue, type FieldError } from '../../objects/validation/field-error.ts';
import type { ApiContext } from '../context.ts';

const NONE = 'None';

/** Fills ipFamilyPolicy, ipFamilies, clusterIP and clusterIPs of `spec`; `before` is the stored spec. Gives what cannot be had. */
export function allocateAddresses(
  context: ApiContext,
  spec: Draft,
  before: Readonly<Draft> | undefined,
): readonly FieldError[] {
  if (spec['type'] === 'ExternalName') {
    for (const field of ['clusterIP', 'clusterIPs', 'ipFamilies', 'ipFamilyPolicy']) delete spec[field];
    return [];
  }
  const kept = before?.['type'] === 'ExternalName' ? undefined : before;
  const given = givenAddresses(spec, kept);
  if (given.error !== undefined) return [given.error];
  const isHeadless = given.addresses[0] === NONE;
  const policy = policyOf(context, spec, { given: given.addresses, kept, isHeadless });
  const families = familiesOf(context, spec, { given: given.addresses, policy, kept });
  const error = checkFamilies(context, families, policy);
  if (error !== undefined) return [error];
  spec['ipFamilyPolicy'] = policy;
  spec['ipFamilies'] = families.map((family) => `IPv${family}`);
  if (isHeadless) {
    spec['clusterIP'] = NONE;
    spec['clusterIPs'] = [NONE];
    return [];
  }
  return assign(context, spec, { families, given: given.addresses, kept });
}

/** The addresses that the spec asks for; what is set stays, so an update that does not name them keeps them. */
function givenAddresses(
  spec: Readonly<Draft>,
  kept: Readonly<Draft> | undefined,
): { readonly addresses: readonly string[]; readonly error?: FieldError } {
  const list = listOf(spec['clusterIPs']).map(String);
  const single = textOf(spec['clusterIP']);
  const before = listOf(kept?.['clusterIPs']).map(String);
  const addresses =
    list.length > 0 ? list : single === undefined ? before : single === before[0] ? before : [single];
  if (single !== undefined && addresses[0] !== single) {
    return {
      addresses,
      error: invalidValue('spec.clusterIPs[0]', addresses[0] ?? '', 'must match `clusterIP`'),
    };
  }
  const [primary] = before;
  if (primary !== undefined && addresses[0] !== primary) {
    const detail = 'may not change once set';
    return { addresses, error: invalidValue('spec.clusterIPs[0]', addresses[0], detail) };
  }
  return { addresses };
}

interface PolicyInput {
  readonly given: readonly string[];
  readonly kept: Readonly<Draft> | undefined;
  readonly isHeadless: boolean;
}

function policyOf(
  context: ApiContext,
  spec: Readonly<Draft>,
  { given, kept, isHeadless }: PolicyInput,
): string {
  const asked = textOf(spec['ipFamilyPolicy']) ?? textOf(kept?.['ipFamilyPolicy']);
  if (asked !== undefined) return asked;
  if (given.length === 2 || listOf(spec['ipFamilies']).length === 2) return 'RequireDualStack';
  // A headless Service without selector has endpoints of any family: both are allowed for.
  if (isHeadless && Object.keys(objectOf(spec['selector'])).length === 0) return 'PreferDualStack';
  return context.config.defaultDualStack ? 'PreferDualStack' : 'SingleStack';
}

interface FamilyInput {
  readonly given: readonly string[];
  readonly policy: string;
  readonly kept: Readonly<Draft> | undefined;
}

function familiesOf(
  context: ApiContext,
  spec: Readonly<Draft>,
  { given, policy, kept }: FamilyInput,
): readonly Family[] {
  const served = context.config.serviceCidrs.map(cidrFamily);
  const named = listOf(spec['ipFamilies'] ?? kept?.['ipFamilies']).map((text) => (text === 'IPv6' ? 6 : 4));
  const ofAddresses = given.flatMap((text) => {
    const ip = tryParseIp(text);
    return ip === undefined ? [] : [familyOf(ip)];
  });
  const first = ofAddresses[0] ?? named[0] ?? served[0] ?? 4;
  if (policy === 'SingleStack') return [first];
  const second = served.find((family) => family !== first);
  return second === undefined ? [first] : [first, second];
}

function checkFamilies(
  context: ApiContext,
  families: readonly Family[],
  policy: string,
): FieldError | undefined {
  const served = context.config.serviceCidrs.map(cidrFamily);
  const missing = families.find((family) => !served.includes(family));
  if (missing !== undefined) {
    return invalidValue('spec.ipFamilies[0]', `IPv${missing}`, 'not configured on this cluster');
  }
  if (policy !== 'RequireDualStack' || families.length === 2) return undefined;
  const detail = 'this cluster is not configured for dual-stack services';
  return invalidValue('spec.ipFamilyPolicy', policy, detail);
}

interface AssignInput {
  readonly families: readonly Family[];
  readonly given: readonly string[];
  readonly kept: Readonly<Draft> | undefined;
}

function assign(
  context: ApiContext,
  spec: Draft,
  { families, given, kept }: AssignInput,
): readonly FieldError[] {
  const own = new Set(listOf(kept?.['clusterIPs']).map(String));
  const taken = takenAddresses(context, own);
  const addresses: string[] = [];
  for (const [i, family] of families.entries()) {
    const cidr = context.config.serviceCidrs.find((it) => cidrFamily(it) === family);
    if (cidr === undefined) continue;
    const asked = given[i];
    const error =
      asked === undefined || own.has(asked) ? undefined : checkAsked(asked, { cidr, taken, index: i });
    if (error !== undefined) return [error];
    const address = asked ?? freeAddress(cidr, taken, context);
    if (address === undefined)
      return [forbiddenField(`spec.clusterIPs[${i}]`, `no free address is left in ${cidr}`)];
    addresses.push(address);
  }
  spec['clusterIP'] = addresses[0];
  spec['clusterIPs'] = addresses;
  return [];
}

function takenAddresses(context: ApiContext, own: ReadonlySet<string>): ReadonlySet<string> {
  const taken = new Set<string>();
  for (const { object } of context.store.list('services')) {
    for (const address of listOf(objectOf(object['spec'])['clusterIPs'])) {
      if (typeof address === 'string' && !own.has(address)) taken.add(address);
    }
  }
  return taken;
}

interface AskedInput {
  readonly cidr: Cidr;
  readonly taken: ReadonlySet<string>;
  readonly index: number;
}

function checkAsked(asked: string, { cidr, taken, index }: AskedInput): FieldError | undefined {
  const field = `spec.clusterIPs[${index}]`;
  const ip = tryParseIp(asked);
  if (ip === undefined) return invalidValue(field, asked, 'must be a valid IP address');
  if (ip !== asked) return invalidValue(field, asked, `must be written as "${ip}"`);
  if (!cidrHasIp(cidr, ip)) {
    return invalidValue(
      field,
      asked,
      `failed to allocate IP ${asked}: the provided IP is not in the valid range ${cidr}`,
    );
  }
  if (!taken.has(asked)) return undefined;
  return invalidValue(field, asked, `failed to allocate IP ${asked}: provided IP is already allocated`);
}

/** Chosen at random above a band at the start, which stays for addresses that are asked for by number (KEP-3070). */
function freeAddress(cidr: Cidr, taken: ReadonlySet<string>, context: ApiContext): Ip | undefined {
  // The base is the network's name, the last address of IPv4 its broadcast; of a huge range the first 2^24 are plenty.
  const last = Number(minimum(cidrSize(cidr) - (cidrFamily(cidr) === 4 ? 2n : 1n), 1n << 24n));
  const band = Math.min(Math.max(16, Math.floor(last / 16)), 256, last - 1);
  const span = last - band;
  const start = context.random.below(span);
  for (let i = 0; i < last; i++) {
    const index = i < span ? band + 1 + ((start + i) % span) : last - i;
    const ip = cidrIpAt(cidr, index);
    if (!taken.has(ip)) return ip;
  }
  return undefined;
}

function minimum(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}
