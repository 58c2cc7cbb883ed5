// Node ports of Services: which they ask for, which they get. What is taken is read from the stored Services alone.

import { listOf, objectOf, type Draft } from '../objects/json.ts';
import { invalidValue, forbiddenField, type FieldError } from '../objects/validation/field-error.ts';
import type { ApiContext } from './context.ts';

/** Fills the node ports of `spec` where its type has them; `own` is the stored object's key, whose ports count as free. */
export function allocateNodePorts(
  context: ApiContext,
  spec: Draft,
  own: string,
  before: Readonly<Draft> | undefined,
): readonly FieldError[] {
  const ports = listOf(spec['ports']) as Draft[]; // Field types were checked at the door.
  const isWanted =
    spec['type'] === 'NodePort' ||
    (spec['type'] === 'LoadBalancer' && spec['allocateLoadBalancerNodePorts'] !== false);
  keepPorts(ports, before, isWanted);
  if (spec['type'] !== 'NodePort' && spec['type'] !== 'LoadBalancer') return [];
  const taken = takenPorts(context, own);
  const errors = ports.flatMap((port, i) => checkPort(context, port, i, taken));
  if (errors.length > 0) return errors;
  for (const port of ports) if (!port['nodePort']) delete port['nodePort'];
  if (isWanted)
    for (const [i, port] of ports.entries()) errors.push(...give(context, port, i, { ports, taken }));
  if (needsHealthPort(spec)) errors.push(...giveHealthPort(context, spec, { ports, taken, before }));
  return errors;
}

/** An update that does not name its ports keeps them; one that leaves the types with node ports loses them. */
function keepPorts(ports: readonly Draft[], before: Readonly<Draft> | undefined, isWanted: boolean): void {
  for (const port of ports) {
    const old = listOf(before?.['ports']).find((it) => {
      const { port: number, protocol } = objectOf(it);
      return number === port['port'] && protocol === port['protocol'];
    });
    const kept = objectOf(old)['nodePort'];
    if (isWanted && !port['nodePort'] && kept !== undefined) port['nodePort'] = kept;
    if (!isWanted && port['nodePort'] === kept) delete port['nodePort'];
  }
}

function takenPorts(context: ApiContext, own: string): Set<number> {
  const taken = new Set<number>();
  for (const { key, object } of context.store.list('services')) {
    if (key === own) continue;
    const spec = objectOf(object['spec']);
    for (const port of listOf(spec['ports'])) {
      const { nodePort } = objectOf(port);
      if (typeof nodePort === 'number') taken.add(nodePort);
    }
    if (typeof spec['healthCheckNodePort'] === 'number') taken.add(spec['healthCheckNodePort']);
  }
  return taken;
}

function checkPort(
  context: ApiContext,
  port: Readonly<Draft>,
  index: number,
  taken: ReadonlySet<number>,
): FieldError[] {
  const { nodePort } = port;
  if (typeof nodePort !== 'number' || nodePort === 0) return [];
  const field = `spec.ports[${index}].nodePort`;
  const [first, last] = context.config.nodePortRange;
  if (nodePort < first || nodePort > last) {
    return [
      invalidValue(
        field,
        nodePort,
        `provided port is not in the valid range. The range of valid ports is ${first}-${last}`,
      ),
    ];
  }
  return taken.has(nodePort) ? [invalidValue(field, nodePort, 'provided port is already allocated')] : [];
}

interface PortsInput {
  readonly ports: readonly Draft[];
  readonly taken: ReadonlySet<number>;
}

function give(context: ApiContext, port: Draft, index: number, { ports, taken }: PortsInput): FieldError[] {
  if (port['nodePort'] !== undefined) return [];
  // One number for the same port in two protocols, as DNS has it.
  const twin = ports.find(
    (it) =>
      it !== port &&
      it['port'] === port['port'] &&
      it['protocol'] !== port['protocol'] &&
      it['nodePort'] !== undefined,
  );
  const number = twin?.['nodePort'] ?? freePort(context, ports, taken);
  if (number === undefined)
    return [forbiddenField(`spec.ports[${index}].nodePort`, 'no free node port is left')];
  port['nodePort'] = number;
  return [];
}

function freePort(
  context: ApiContext,
  ports: readonly Draft[],
  taken: ReadonlySet<number>,
): number | undefined {
  const [first, last] = context.config.nodePortRange;
  const span = last - first + 1;
  const start = context.random.below(span);
  for (let i = 0; i < span; i++) {
    const number = first + ((start + i) % span);
    if (!taken.has(number) && ports.every((port) => port['nodePort'] !== number)) return number;
  }
  return undefined;
}

function needsHealthPort(spec: Readonly<Draft>): boolean {
  return (
    spec['type'] === 'LoadBalancer' &&
    spec['externalTrafficPolicy'] === 'Local' &&
    !spec['healthCheckNodePort']
  );
}

function giveHealthPort(
  context: ApiContext,
  spec: Draft,
  { ports, taken, before }: PortsInput & { readonly before: Readonly<Draft> | undefined },
): FieldError[] {
  const number = before?.['healthCheckNodePort'] ?? freePort(context, ports, taken);
  if (number === undefined) return [forbiddenField('spec.healthCheckNodePort', 'no free node port is left')];
  spec['healthCheckNodePort'] = number;
  return [];
}
