// Node ports of Services: which they ask for, which they get. What is taken is read from the stored Services alone.

import { listOf, objectOf, type Draft } from '../../objects/json.ts';
import { invalidValue, forbiddenField, type FieldError } from '../../objects/validation/field-error.ts';
import type { ApiContext } from '../context.ts';
import { hasHealthCheckPort, hasNodePorts } from './service-carry-over.ts';

/** Fills the node ports of `spec` where its type has them; `own` is the stored object's key, whose ports count as free. */
export function allocateNodePorts(context: ApiContext, spec: Draft, own: string): readonly FieldError[] {
  const ports = listOf(spec['ports']) as Draft[]; // Field types were checked at the door.
  if (!hasNodePorts(spec)) return [];
  const taken = takenPorts(context, own);
  const errors = ports.flatMap((port, i) => checkPort(context, port, i, taken));
  errors.push(...checkHealthPort(context, spec, taken));
  if (errors.length > 0) return errors;
  for (const port of ports) if (!port['nodePort']) delete port['nodePort'];
  // The health check's own number first: a port that is given one must not take what is asked for there.
  const reserved = new Set(taken);
  if (typeof spec['healthCheckNodePort'] === 'number') reserved.add(spec['healthCheckNodePort']);
  if (spec['type'] === 'NodePort' || spec['allocateLoadBalancerNodePorts'] !== false)
    for (const [i, port] of ports.entries())
      errors.push(...give(context, port, i, { ports, taken: reserved }));
  if (hasHealthCheckPort(spec) && !spec['healthCheckNodePort'])
    errors.push(...giveHealthPort(context, spec, { ports, taken }));
  return errors;
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
  return checkNumber(context, `spec.ports[${index}].nodePort`, port['nodePort'], taken);
}

function checkHealthPort(
  context: ApiContext,
  spec: Readonly<Draft>,
  taken: ReadonlySet<number>,
): readonly FieldError[] {
  if (!hasHealthCheckPort(spec)) return [];
  const asked = spec['healthCheckNodePort'];
  const ownPorts = listOf(spec['ports']).map((port) => Number(objectOf(port)['nodePort']));
  return checkNumber(context, 'spec.healthCheckNodePort', asked, new Set([...taken, ...ownPorts]));
}

function checkNumber(
  context: ApiContext,
  field: string,
  asked: unknown,
  taken: ReadonlySet<number>,
): FieldError[] {
  if (typeof asked !== 'number' || asked === 0) return [];
  const [first, last] = context.config.nodePortRange;
  if (asked < first || asked > last) {
    return [
      invalidValue(
        field,
        asked,
        `provided port is not in the valid range. The range of valid ports is ${first}-${last}`,
      ),
    ];
  }
  return taken.has(asked) ? [invalidValue(field, asked, 'provided port is already allocated')] : [];
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

function giveHealthPort(context: ApiContext, spec: Draft, { ports, taken }: PortsInput): FieldError[] {
  const number = freePort(context, ports, taken);
  if (number === undefined) return [forbiddenField('spec.healthCheckNodePort', 'no free node port is left')];
  spec['healthCheckNodePort'] = number;
  return [];
}
