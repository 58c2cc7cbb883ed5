// The slim Pod: what the network needs of core/v1 Pod.

import type { Ip } from '../base/ip.ts';
import { parsePort, parseProtocol, type Port, type Protocol } from '../base/port.ts';
import { Field } from './slim-field.ts';
import { readIp, readMeta, type SlimMeta } from './slim-meta.ts';

export interface Pod extends SlimMeta {
  /** Undefined until it is scheduled. */
  readonly node: string | undefined;
  /** At most one per family, the primary one first; empty until the pod's sandbox is up. */
  readonly ips: readonly Ip[];
  readonly isHostNetwork: boolean;
  /** Succeeded or Failed: its addresses are no longer its own. */
  readonly isFinished: boolean;
  readonly isReady: boolean;
  readonly isTerminating: boolean;
  readonly hostname: string | undefined;
  readonly subdomain: string | undefined;
  readonly dnsPolicy: string | undefined;
  /** Search domains of its own, after those of the policy. */
  readonly dnsSearches: readonly string[];
  readonly ports: readonly ContainerPort[];
}

export interface ContainerPort {
  readonly name: string | undefined;
  readonly port: Port;
  readonly protocol: Protocol;
  /** Port of the node that leads here, undefined for none. */
  readonly hostPort: Port | undefined;
  /** Undefined, like 0.0.0.0 and ::, for the node's own addresses. */
  readonly hostIp: Ip | undefined;
}

/** Reads a v1 Pod; throws `invalid` naming the field. */
export function parsePod(raw: unknown): Pod {
  const root = Field.root('Pod', raw);
  const spec = root.at('spec');
  const status = root.at('status');
  const phase = status.at('phase').optionalText();
  return {
    ...readMeta(root),
    node: nonEmpty(spec.at('nodeName')),
    ips: readIps(status),
    isHostNetwork: spec.at('hostNetwork').bool(false),
    isFinished: phase === 'Succeeded' || phase === 'Failed',
    isReady: status.at('conditions').list().some(isReadyCondition),
    isTerminating: !root.at('metadata.deletionTimestamp').isAbsent,
    hostname: nonEmpty(spec.at('hostname')),
    subdomain: nonEmpty(spec.at('subdomain')),
    dnsPolicy: nonEmpty(spec.at('dnsPolicy')),
    dnsSearches: spec
      .at('dnsConfig.searches')
      .list()
      .map((it) => it.text()),
    ports: [...spec.at('containers').list(), ...spec.at('initContainers').list().filter(goesOn)].flatMap(
      readPorts,
    ),
  };
}

/** `podIPs` leads; `podIP` alone is what single-stack runtimes report. */
function readIps(status: Field): readonly Ip[] {
  const list = status.at('podIPs').list();
  const fields = list.length > 0 ? list.map((it) => it.at('ip')) : [status.at('podIP')];
  return fields.filter((field) => !field.isAbsent && field.value !== '').map(readIp);
}

function isReadyCondition(condition: Field): boolean {
  return condition.at('type').value === 'Ready' && condition.at('status').value === 'True';
}

/** A sidecar (KEP-753): it starts before the containers and runs beside them. */
function goesOn(initContainer: Field): boolean {
  return initContainer.at('restartPolicy').value === 'Always';
}

function readPorts(container: Field): readonly ContainerPort[] {
  const ports = container.at('ports').list();
  return ports.map((field) => ({
    name: nonEmpty(field.at('name')),
    port: field.at('containerPort').parse(parsePort),
    protocol: field.at('protocol').isAbsent ? 'TCP' : field.at('protocol').parse(parseProtocol),
    hostPort: readHostPort(field.at('hostPort')),
    hostIp: readHostIp(field.at('hostIP')),
  }));
}

/** Absent and 0 stand for none. */
function readHostPort(field: Field): Port | undefined {
  return field.isAbsent || field.value === 0 ? undefined : field.parse(parsePort);
}

function readHostIp(field: Field): Ip | undefined {
  if (field.isAbsent || field.value === '') return undefined;
  const ip = readIp(field);
  return ip === '0.0.0.0' || ip === '::' ? undefined : ip;
}

function nonEmpty(field: Field): string | undefined {
  const text = field.optionalText();
  return text === '' ? undefined : text;
}
