// How a Service may be reached: traffic policies, node ports, load balancers and external addresses. Ranges and numbers in use are
// judged where they are allocated.

import { parseInterfaceAddress } from '../../base/cidr.ts';
import { listOf, objectOf, scalarText, textOf, type Draft } from '../json.ts';
import { duplicate, forbiddenField, invalidValue, notSupported, type FieldError } from './field-error.ts';
import { checkQualifiedName } from './names.ts';
import { validateEndpointIp } from './service-address.ts';

const POLICIES = ['Cluster', 'Local'];
const DISTRIBUTIONS = ['PreferClose', 'PreferSameNode', 'PreferSameZone'];
const LOAD_BALANCER_ONLY = "may only be used when `type` is 'LoadBalancer'";
const RANGES_ANNOTATION = 'service.beta.kubernetes.io/load-balancer-source-ranges';

/** `before` is the specification as it is stored, undefined at creation. */
export function validateExposure(
  service: Readonly<Draft>,
  before: Readonly<Draft> | undefined,
): readonly FieldError[] {
  const spec = objectOf(service['spec']);
  return [
    ...validateExternalIps(spec),
    ...validateNodePorts(spec),
    ...validatePolicies(spec),
    ...validateLoadBalancer(spec, before),
    ...validateSourceRanges(service, spec),
  ];
}

function validateExternalIps(spec: Readonly<Draft>): readonly FieldError[] {
  return listOf(spec['externalIPs']).flatMap((ip, i) => validateEndpointIp(ip, `spec.externalIPs[${i}]`));
}

function validateNodePorts(spec: Readonly<Draft>): readonly FieldError[] {
  const seen = new Set<string>();
  return listOf(spec['ports']).flatMap((item, i) => {
    const { nodePort, protocol } = objectOf(item);
    if (typeof nodePort !== 'number' || nodePort === 0) return [];
    const field = `spec.ports[${i}].nodePort`;
    if (spec['type'] === 'ClusterIP' || spec['type'] === 'ExternalName')
      return [forbiddenField(field, `may not be used when \`type\` is '${scalarText(spec['type'])}'`)];
    const key = `${nodePort}/${scalarText(protocol)}`;
    if (seen.has(key)) return [duplicate(field, nodePort)];
    seen.add(key);
    return [];
  });
}

function validatePolicies(spec: Readonly<Draft>): readonly FieldError[] {
  const { type, externalTrafficPolicy, internalTrafficPolicy, trafficDistribution } = spec;
  const errors: FieldError[] = [];
  const hasExternalIps = type === 'ClusterIP' && listOf(spec['externalIPs']).length > 0;
  const isExposed = type === 'NodePort' || type === 'LoadBalancer' || hasExternalIps;
  if (textOf(externalTrafficPolicy) !== undefined) {
    const field = 'spec.externalTrafficPolicy';
    if (!isExposed) {
      const detail = 'may only be set for externally-accessible services';
      errors.push(invalidValue(field, externalTrafficPolicy, detail));
    } else if (!POLICIES.includes(String(externalTrafficPolicy)))
      errors.push(notSupported(field, externalTrafficPolicy, POLICIES));
  }
  if (internalTrafficPolicy !== undefined && !POLICIES.includes(scalarText(internalTrafficPolicy)))
    errors.push(notSupported('spec.internalTrafficPolicy', internalTrafficPolicy, POLICIES));
  if (textOf(trafficDistribution) !== undefined && !DISTRIBUTIONS.includes(String(trafficDistribution)))
    errors.push(notSupported('spec.trafficDistribution', trafficDistribution, DISTRIBUTIONS));
  return errors;
}

function validateLoadBalancer(
  spec: Readonly<Draft>,
  before: Readonly<Draft> | undefined,
): readonly FieldError[] {
  const errors: FieldError[] = [];
  const isBalanced = spec['type'] === 'LoadBalancer';
  const { loadBalancerClass, healthCheckNodePort } = spec;
  if (before?.['type'] === 'LoadBalancer' && isBalanced && before['loadBalancerClass'] !== loadBalancerClass)
    errors.push(invalidValue('spec.loadBalancerClass', loadBalancerClass ?? null, 'may not change once set'));
  if (loadBalancerClass !== undefined) {
    const wrong = checkQualifiedName(scalarText(loadBalancerClass));
    if (!isBalanced) errors.push(forbiddenField('spec.loadBalancerClass', LOAD_BALANCER_ONLY));
    else if (wrong !== undefined)
      errors.push(invalidValue('spec.loadBalancerClass', loadBalancerClass, wrong));
  }
  if (!isBalanced && spec['allocateLoadBalancerNodePorts'] !== undefined)
    errors.push(forbiddenField('spec.allocateLoadBalancerNodePorts', LOAD_BALANCER_ONLY));
  const isChecked = isBalanced && spec['externalTrafficPolicy'] === 'Local';
  if (healthCheckNodePort && !isChecked) {
    const detail = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'";
    errors.push(invalidValue('spec.healthCheckNodePort', healthCheckNodePort, detail));
  }
  return errors;
}

/** The field, or the annotation from before there was one. */
function validateSourceRanges(service: Readonly<Draft>, spec: Readonly<Draft>): readonly FieldError[] {
  const named = listOf(spec['loadBalancerSourceRanges']);
  const annotations = objectOf(objectOf(service['metadata'])['annotations']);
  const annotated = textOf(annotations[RANGES_ANNOTATION]);
  const isNamed = named.length > 0;
  if (!isNamed && annotated === undefined) return [];
  const field = isNamed ? 'spec.LoadBalancerSourceRanges' : `metadata.annotations[${RANGES_ANNOTATION}]`;
  if (spec['type'] !== 'LoadBalancer') return [forbiddenField(field, LOAD_BALANCER_ONLY)];
  const ranges = isNamed ? named.map((range) => scalarText(range)) : (annotated ?? '').split(',');
  if (ranges.every(isRange)) return [];
  const detail = 'must be a list of IP ranges. For example, 10.240.0.0/24,10.250.0.0/24';
  return [invalidValue(field, isNamed ? ranges.join(' ') : annotated, detail)];
}

/** With spaces around it and any address of the range in it, as kube-proxy takes it. */
function isRange(text: string): boolean {
  try {
    parseInterfaceAddress(text.trim());
    return true;
  } catch {
    return false;
  }
}
