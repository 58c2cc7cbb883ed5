// Services as destinations: policies are asked about the pods behind one, and their own ports.

import { FairleadError } from '../base/errors.ts';
import { isPort, type Port } from '../base/port.ts';
import { listOf, objectOf, textOf } from '../objects/json.ts';
import { containerPorts } from '../oracle/policy-end.ts';
import { namespaceOf } from './placed-object.ts';
import type { PolicyWorld } from './policy-world.ts';
import type { Workload } from './workload.ts';

export interface ServiceAsked {
  readonly namespace: string;
  readonly name: string;
  /** Number or name of the Service's port. */
  readonly port: string;
  readonly protocol: string | undefined;
}

/** A workload behind a Service, and the port that the Service's leads to there. */
export interface ServiceTarget {
  readonly workload: Workload;
  readonly port: Port;
  readonly protocol: string;
}

/** "shop/service/web" in its parts; undefined where the text does not speak of a Service. */
export function readServiceName(text: string): Pick<ServiceAsked, 'namespace' | 'name'> | undefined {
  const [namespace = '', kind = '', name = '', ...more] = text.split('/');
  if (more.length > 0 || name === '' || !/^(service|services|svc)$/i.test(kind)) return undefined;
  return { namespace, name };
}

/** Throws `invalid` where there is no such Service, port, or nobody behind it. */
export function serviceTargets(world: PolicyWorld, asked: ServiceAsked): readonly ServiceTarget[] {
  const { namespace, name } = asked;
  const fail = (because: string): never => {
    throw new FairleadError('invalid', `Cannot ask about Service ${namespace}/${name}: ${because}`);
  };
  const placed = world.services.find(
    (it) => namespaceOf(it) === namespace && it.object.metadata.name === name,
  );
  if (placed === undefined) return fail('the manifests have none');
  const spec = objectOf(placed.object['spec']);
  const selector = Object.entries(objectOf(spec['selector']));
  if (selector.length === 0) return fail('it has no selector, so nothing says who is behind it');
  const ports = listOf(spec['ports']).map(objectOf);
  const port = ports.find((it) => isAsked(it, asked));
  if (port === undefined) return fail(`it has no port "${asked.port}", but ${portsText(ports)}`);
  const behind = world.workloads.filter(
    ({ namespace: own, pod }) =>
      own === namespace && selector.every(([key, value]) => pod.metadata.labels?.[key] === value),
  );
  if (behind.length === 0) return fail('its selector selects no workload');
  const protocol = textOf(port['protocol']) ?? 'TCP';
  const targets = behind.flatMap((workload) => {
    const number = targetPortOf(workload, port, protocol);
    return isPort(number) ? [{ workload, port: number, protocol }] : [];
  });
  if (targets.length === 0) return fail(`nobody behind it has the port "${String(port['targetPort'])}"`);
  return targets;
}

function isAsked(port: Readonly<Record<string, unknown>>, { port: text, protocol }: ServiceAsked): boolean {
  const isSame = port['name'] === text || String(port['port']) === text;
  return isSame && (protocol === undefined || (textOf(port['protocol']) ?? 'TCP') === protocol.toUpperCase());
}

/** Absent: the Service's own number. A name is looked for in the workload's containers. */
function targetPortOf(
  { pod }: Workload,
  { port, targetPort }: Readonly<Record<string, unknown>>,
  protocol: string,
): unknown {
  if (typeof targetPort !== 'string') return targetPort ?? port;
  return containerPorts(pod).find((it) => it.name === targetPort && (it.protocol ?? 'TCP') === protocol)
    ?.containerPort;
}

function portsText(ports: readonly Readonly<Record<string, unknown>>[]): string {
  const names = ports.map(
    ({ name, port }) => `${String(port)}${textOf(name) === undefined ? '' : ` (${textOf(name)})`}`,
  );
  return names.length === 0 ? 'none' : names.join(', ');
}
