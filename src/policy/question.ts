// A connection in the words of a command line or of a file of assertions.

import { FairleadError } from '../base/errors.ts';
import { familyOf, type Family } from '../base/ip.ts';
import { isPort, type Port, type Protocol } from '../base/port.ts';
import { containerPorts } from '../oracle/policy-end.ts';
import { addressOfName, readDomainName } from './domain-name.ts';
import { findParty, nameOfParty, type Party } from './party.ts';
import type { PolicyWorld } from './policy-world.ts';
import { readServiceName, serviceTargets } from './service-destination.ts';

/** `family` is that of an address among the ends, else as asked. */
export interface Question {
  readonly from: Party;
  readonly to: Party;
  readonly family: Family;
  readonly protocol: Protocol;
  readonly port: Port;
  /** "shop/service/web:80" where a Service was asked about. */
  readonly via: string | undefined;
}

export interface QuestionText {
  readonly from: string;
  readonly to: string;
  /** A number, or the name of a port of the destination's containers; of a Service its own. */
  readonly port: string;
  /** Undefined: that of the named port, else TCP. In any case of letters. */
  readonly protocol?: string | undefined;
}

export interface QuestionSettings {
  /** Where names without a namespace are looked for. */
  readonly namespace: string;
  /** Of connections between ends of which neither is an address. */
  readonly family: Family;
}

/** "shop/web:8080/udp" and "[2001:db8::1]:53" in their parts; throws `invalid` where no port stands at the end. */
export function splitDestination(text: string): Pick<QuestionText, 'to' | 'port' | 'protocol'> {
  const match = /^(.+):([^:/\]]+)(?:\/([A-Za-z]+))?$/.exec(text);
  if (match === null)
    throw new FairleadError('invalid', `Cannot read "${text}": write TO:PORT or TO:PORT/PROTOCOL`);
  return { to: match[1] ?? '', port: match[2] ?? '', protocol: match[3] };
}

/** One question, or one for each workload behind a Service. Throws `invalid` where the world has no such ends or port. */
export function readQuestions(
  world: PolicyWorld,
  text: QuestionText,
  settings: QuestionSettings,
): readonly Question[] {
  const from = findParty(world, text.from, settings.namespace);
  const service = readServiceName(text.to);
  if (service !== undefined) {
    const via = `${service.namespace}/service/${service.name}:${text.port}`;
    return serviceTargets(world, { ...service, port: text.port, protocol: text.protocol }).map((target) => ({
      from,
      to: { kind: 'workload', workload: target.workload },
      family: from.kind === 'address' ? familyOf(from.ip) : settings.family,
      protocol: readProtocol(target.protocol),
      port: target.port,
      via,
    }));
  }
  const domain = domainOf(world, text.to, settings);
  const to = domain?.(from) ?? findParty(world, text.to, settings.namespace);
  const ips = [from, to].flatMap((it) => (it.kind === 'address' ? [it.ip] : []));
  const families = new Set(ips.map(familyOf));
  if (families.size > 1)
    throw new FairleadError('invalid', `Cannot ask about ${ips.join(' and ')}: addresses of two families`);
  const family = [...families][0] ?? settings.family;
  return [{ from, to, family, ...readPort(to, text), via: undefined }];
}

/** A name with dots that no workload has is one of DNS: at an address of the family of who asks. */
function domainOf(
  world: PolicyWorld,
  text: string,
  { namespace, family }: QuestionSettings,
): ((from: Party) => Party) | undefined {
  const domain = readDomainName(text);
  const isThere = [...world.workloads, ...world.owned].some(
    (it) => it.namespace === namespace && it.name === text,
  );
  if (domain === undefined || isThere) return undefined;
  return (from) => {
    const asked = from.kind === 'address' ? familyOf(from.ip) : family;
    return { kind: 'address', ip: addressOfName(world, domain, asked), domain };
  };
}

function readPort(to: Party, text: QuestionText): Pick<Question, 'protocol' | 'port'> {
  const protocol = text.protocol === undefined ? undefined : readProtocol(text.protocol);
  if (/^[0-9]+$/.test(text.port)) {
    const port = Number(text.port);
    if (!isPort(port))
      throw new FairleadError('invalid', `Cannot read port "${text.port}": not in 1 to 65535`);
    return { protocol: protocol ?? 'TCP', port };
  }
  const named = to.kind === 'workload' ? containerPorts(to.workload.pod) : [];
  const found = named.find(
    (it) => it.name === text.port && (protocol === undefined || (it.protocol ?? 'TCP') === protocol),
  );
  if (found === undefined || !isPort(found.containerPort)) {
    const names = named.flatMap((it) => it.name ?? []).join(', ');
    throw new FairleadError(
      'invalid',
      `Cannot find port "${text.port}" of ${nameOfParty(to)}: ${names === '' ? 'it has no named port' : `it has ${names}`}`,
    );
  }
  return { protocol: readProtocol(found.protocol ?? 'TCP'), port: found.containerPort };
}

function readProtocol(text: string): Protocol {
  const name = text.toUpperCase();
  if (name === 'TCP' || name === 'UDP' || name === 'SCTP') return name;
  throw new FairleadError('invalid', `Cannot read protocol "${text}": TCP, UDP or SCTP`);
}
