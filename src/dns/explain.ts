// Who answers a question and why, in words: the ways of the responder gone through again beside its real answer.

import { FairleadError } from '../base/errors.ts';
import { rcodeName, TYPE } from '../wire/dns/constants.ts';
import type { RecordData, ResourceRecord } from '../wire/dns/message.ts';
import { canonicalName, labelsOf, nameFromLabels, parseDnsName, type DnsName } from '../wire/dns/name.ts';
import { parseMessage } from '../wire/dns/reader.ts';
import { nameEntryKey } from '../model/names.ts';
import { tellOutside, type OutsideSources } from './explain-outside.ts';
import { tellOverride } from './explain-overrides.ts';
import type { Overrides } from './overrides.ts';
import type { Responder } from './responder.ts';
import type { SearchLists } from './search-lists.ts';
import { upstreamQuery } from './upstream-query.ts';
import type { ZoneSettings } from './zone-answer.ts';
import { labelsInside, lookUp, type ZoneAnswer } from './zone-lookup.ts';
import type { ZoneState } from './zone-state.ts';

export interface ExplainParts extends OutsideSources {
  readonly zone: ZoneState;
  readonly settings: ZoneSettings;
  readonly searchLists: SearchLists;
  readonly overrides?: Overrides;
  /** Answers without being counted. */
  readonly responder: Responder;
}

export interface ExplainQuestion {
  readonly name: string;
  /** "A", "SRV", "TYPE65". */
  readonly type: string;
  /** Address of who asks. */
  readonly client: string;
  /** Asked below the first domain of the client's search list, as a resolver does for names of few dots. */
  readonly isSearched: boolean;
}

/** A name that was looked up on the way, and what came of it. */
export interface ExplainStep {
  readonly name: string;
  readonly by: 'hosts' | 'rewrite' | 'zone' | 'cache' | 'upstream';
  readonly says: string;
  /** Of what the cache has. */
  readonly ageS?: number;
  /** Who answered. */
  readonly upstream?: {
    readonly address: string;
    readonly transport: 'udp' | 'tcp' | 'tls';
    readonly ms: number;
  };
}

export interface Explanation {
  readonly name: string;
  readonly type: string;
  readonly client: string;
  readonly steps: readonly ExplainStep[];
  readonly rcode: string;
  /** "name ttl type data" each. */
  readonly answers: readonly string[];
}

type Labels = readonly string[];

/** Throws `invalid` for what is no name or no type. */
export async function explain(question: ExplainQuestion, parts: ExplainParts): Promise<Explanation> {
  const { client, type } = question;
  const typeCode = typeCodeOf(type);
  const asked = canonicalName(parseDnsName(question.name));
  const [domain = []] = question.isSearched ? parts.searchLists.listOf(client) : [];
  const name = nameFromLabels([...labelsOf(asked), ...domain]);
  const { bytes } = upstreamQuery({ labels: labelsOf(name), typeCode, ...PLAIN }, NO_EDNS);
  const steps = await stepsOf(name, bytes, { typeCode, client, parts });
  const answer = await ask(name, bytes, { client, parts });
  return { name, type, client, steps, ...answer };
}

const PLAIN = { isDnssecOk: false, isCheckingDisabled: false };
const NO_EDNS = { id: 0, udpPayloadBytes: undefined };

async function stepsOf(
  name: DnsName,
  question: Uint8Array,
  of: Omit<Telling, 'steps'>,
): Promise<readonly ExplainStep[]> {
  const { client, parts } = of;
  const overridden = await tellOverride(parts.overrides, name, question);
  const steps = overridden === undefined ? [] : [overridden.step];
  if (overridden !== undefined && overridden.labels === undefined) return steps;
  const first = overridden?.labels ?? labelsOf(name);
  for (const labels of [first, ...(parts.searchLists.chainOf(client, first) ?? [])])
    if (await tellOf(labels, { ...of, steps })) break;
  return steps;
}

function typeCodeOf(type: string): number {
  const code = Object.entries(TYPE).find(([name]) => name === type)?.[1] ?? /^TYPE(\d{1,5})$/.exec(type)?.[1];
  if (code === undefined || Number(code) > 0xffff) throw bad(`"${type}" is no type`);
  return Number(code);
}

function bad(because: string): FairleadError {
  return new FairleadError('invalid', `Cannot explain: ${because}`);
}

interface Telling {
  readonly typeCode: number;
  readonly client: string;
  readonly steps: ExplainStep[];
  readonly parts: ExplainParts;
}

/** Adds what is said of the name and of those that it stands for; false where there is no such name. */
async function tellOf(labels: Labels, telling: Telling): Promise<boolean> {
  const { steps, parts, typeCode } = telling;
  const name = nameFromLabels(labels);
  if (!parts.zone.isKnown && labelsInside(labels, parts.settings.domain) !== undefined) {
    steps.push({ name, by: 'zone', says: 'not known yet: the agent has brought no zone' });
    return true;
  }
  const found = lookUp(parts.zone.index, parts.settings, labels, typeCode);
  if (found.kind === 'outside') {
    const { step, isName } = await tellOutside({ labels, typeCode, client: telling.client }, parts);
    steps.push(step);
    return isName;
  }
  steps.push({ name, by: 'zone', says: zoneWords(found, labels, parts) });
  // Eight in a row are the responder's bound, too.
  if (found.kind === 'alias' && steps.length < MAX_STEPS) await tellOf(labelsOf(found.target), telling);
  return found.kind !== 'no-name';
}

const MAX_STEPS = 48;

function zoneWords(found: ZoneAnswer, labels: Labels, parts: ExplainParts): string {
  if (found.kind === 'no-name') return 'no such name';
  const owner = ownerOf(labels, parts);
  if (found.kind === 'alias') return `${owner}, which stands for ${found.target}`;
  const count = found.kind === 'name' ? found.records.length : 0;
  return `${owner}, ${count === 0 ? 'no such records' : count === 1 ? 'one record' : `${count} records`}`;
}

/** The object that the name comes from. */
function ownerOf(labels: Labels, { zone, settings }: ExplainParts): string {
  const inside = labelsInside(labels, settings.domain);
  if (inside === undefined) return 'a reverse name of the cluster';
  const [service, namespace, kind] = [inside.at(-3), inside.at(-2), inside.at(-1)];
  const entry =
    kind === 'svc' && namespace !== undefined && service !== undefined
      ? zone.index.service(namespace, service)
      : undefined;
  if (entry === undefined) return kind === 'pod' ? 'a pod by its address' : 'a name of the zone itself';
  const kinds = { 'cluster-ip': 'Service', headless: 'headless Service', external: 'ExternalName Service' };
  return `${kinds[entry.kind]} ${nameEntryKey(entry).replace(/^service\//, '')}`;
}

async function ask(
  name: DnsName,
  question: Uint8Array,
  { client, parts: { responder } }: Pick<Telling, 'client' | 'parts'>,
): Promise<Pick<Explanation, 'rcode' | 'answers'>> {
  const answer = await responder.respond(Buffer.from(question), { address: client, transport: 'tcp' });
  const parsed = answer && parseMessage(answer);
  if (parsed?.kind !== 'message') throw new FairleadError('internal', `Cannot explain ${name}: no answer`);
  return { rcode: rcodeName(parsed.message.rcode), answers: parsed.message.answers.map(recordText) };
}

function recordText({ name, ttlS, data }: ResourceRecord): string {
  return `${name} ${ttlS} ${dataText(data)}`;
}

function dataText(data: RecordData): string {
  switch (data.kind) {
    case 'a':
    case 'aaaa':
      return `${data.kind.toUpperCase()} ${data.ip}`;
    case 'cname':
    case 'ns':
    case 'ptr':
      return `${data.kind.toUpperCase()} ${data.target}`;
    case 'srv':
      return `SRV ${data.priority} ${data.weight} ${data.port} ${data.target}`;
    case 'txt':
      return `TXT ${data.strings.map((it) => JSON.stringify(Buffer.from(it).toString('latin1'))).join(' ')}`;
    default:
      return JSON.stringify(data);
  }
}
