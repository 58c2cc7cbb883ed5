// The door of the control protocol: requests from text, every field checked and named where it is wrong. Decides nothing.

import { FairleadError, messageOf } from '../../base/errors.ts';
import { parseIp } from '../../base/ip.ts';
import { parsePort, parseProtocol } from '../../base/port.ts';
import { Field } from '../../objects/slim-field.ts';
import type { DialRequest, DialTarget } from './dial.ts';
import type {
  DeclaredPort,
  FileMount,
  PodFacts,
  ProbeRequest,
  Program,
  WorkloadSpec,
} from './workload-spec.ts';

const MAX_TARGETS = 10_000;
/** A day: longer ones overflow the timer. */
const MAX_TIMEOUT_MS = 86_400_000;

/** Reads a start request; throws `invalid` naming the field. */
export function parseWorkloadSpec(text: string): WorkloadSpec {
  const root = documentOf('workload', text);
  return {
    podUid: nonEmpty(root.at('podUid')),
    container: nonEmpty(root.at('container')),
    attempt: integer(root.at('attempt')),
    netns: nonEmpty(root.at('netns')),
    facts: factsOf(root.at('facts')),
    program: programOf(root.at('program')),
    ports: root.at('ports').list().map(declaredPortOf),
    env: Object.fromEntries(root.at('env').textMap()),
    mounts: root.at('mounts').list().map(mountOf),
    resolvConf: nonEmpty(root.at('resolvConf')),
    hosts: nonEmpty(root.at('hosts')),
    log: nonEmpty(root.at('log')),
  };
}

/** Reads a probe request; throws `invalid` naming the field. */
export function parseProbeRequest(text: string): ProbeRequest {
  const root = documentOf('probe', text);
  const target = {
    host: root.at('host').text(),
    port: root.at('port').parse(parsePort),
    timeoutMs: timeoutOf(root.at('timeoutMs')),
  };
  const kind = oneOf(root.at('kind'), ['tcp', 'http', 'grpc']);
  if (kind === 'tcp') return { kind, ...target };
  if (kind === 'grpc') return { kind, ...target, service: root.at('service').text() };
  return {
    kind,
    ...target,
    scheme: oneOf(root.at('scheme'), ['HTTP', 'HTTPS']),
    path: root.at('path').text(),
    headers: root.at('headers').list().map(headerOf),
  };
}

/** Reads what a connectivity check asks for; throws `invalid` naming the field. */
export function parseDialRequest(text: string): DialRequest {
  const root = documentOf('dial', text);
  const targets = root.at('targets').list();
  if (targets.length > MAX_TARGETS) root.at('targets').fail(`must be at most ${MAX_TARGETS}`);
  return {
    netns: nonEmpty(root.at('netns')),
    resolvConf: nonEmpty(root.at('resolvConf')),
    hosts: nonEmpty(root.at('hosts')),
    targets: targets.map(dialTargetOf),
    timeoutMs: timeoutOf(root.at('timeoutMs')),
  };
}

function documentOf(kind: string, text: string): Field {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new FairleadError('invalid', `Cannot read ${kind} request: ${messageOf(error)}`, { cause: error });
  }
  return Field.root(`${kind} request`, value);
}

function factsOf(facts: Field): PodFacts {
  return {
    namespace: facts.at('namespace').text(),
    pod: facts.at('pod').text(),
    hostname: facts.at('hostname').text(),
    node: facts.at('node').text(),
    container: facts.at('container').text(),
    image: facts.at('image').text(),
    ips: facts
      .at('ips')
      .list()
      .map((ip) => ip.parse(() => parseIp(ip.text()))),
  };
}

function programOf(program: Field): Program {
  const kind = oneOf(program.at('kind'), ['agnhost', 'echo', 'web', 'sleep', 'stand-in']);
  switch (kind) {
    case 'agnhost':
      return { kind, command: program.at('command').text(), args: textsOf(program.at('args')) };
    case 'echo':
      return { kind, text: program.at('text').optionalText(), ports: portsOf(program.at('ports')) };
    case 'web':
      return { kind, root: program.at('root').text(), ports: portsOf(program.at('ports')) };
    case 'sleep':
      return { kind, seconds: optionalNumber(program.at('seconds')) };
    case 'stand-in':
      return { kind, endsAtOnce: program.at('endsAtOnce').bool(false) };
  }
}

function declaredPortOf(declared: Field): DeclaredPort {
  return {
    name: declared.at('name').optionalText(),
    port: declared.at('port').parse(parsePort),
    protocol: declared.at('protocol').parse(parseProtocol),
  };
}

function mountOf(mount: Field): FileMount {
  return { source: mount.at('source').text(), target: mount.at('target').text() };
}

function headerOf(header: Field): readonly [string, string] {
  const [name, value, ...more] = textsOf(header);
  return name === undefined || value === undefined || more.length > 0
    ? header.fail('must be a name and a value')
    : [name, value];
}

function dialTargetOf(target: Field): DialTarget {
  return {
    host: target.at('host').text(),
    port: target.at('port').parse(parsePort),
    protocol: oneOf(target.at('protocol'), ['TCP', 'UDP']),
  };
}

function nonEmpty(field: Field): string {
  const text = field.text();
  return text === '' ? field.fail('must not be empty') : text;
}

function integer(field: Field): number {
  return field.optionalInteger() ?? field.fail('must be a whole number');
}

function optionalNumber(field: Field): number | undefined {
  if (field.isAbsent) return undefined;
  const { value } = field;
  return typeof value === 'number' && value >= 0 ? value : field.fail('must be a number from 0 up');
}

function timeoutOf(field: Field): number {
  const { value } = field;
  const isTime = typeof value === 'number' && value > 0 && value <= MAX_TIMEOUT_MS;
  return isTime ? value : field.fail(`must be a time of at most ${MAX_TIMEOUT_MS} ms`);
}

function textsOf(field: Field): readonly string[] {
  return field.list().map((it) => it.text());
}

function portsOf(field: Field): readonly number[] {
  return field.list().map((it) => it.parse(parsePort));
}

function oneOf<T extends string>(field: Field, allowed: readonly T[]): T {
  return allowed.find((it) => it === field.value) ?? field.fail(`must be one of ${allowed.join(', ')}`);
}
