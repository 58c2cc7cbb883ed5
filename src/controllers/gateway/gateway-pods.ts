// What is a Gateway's own in the workload that carries it: names and labels (GEP-1762). Pure.

import { GATEWAYS } from '../../kube/resource.ts';
import { GATEWAY_GROUP } from '../../objects/gateway-api/common.ts';
import type { Gateway } from '../../objects/gateway-api/gateway.ts';
import { apiVersionOf } from '../../objects/resources.ts';
import { objectKey } from '../../objects/slim-meta.ts';
import {
  serviceOf,
  workloadName,
  type PortOfProxy,
  type ProxyWorkload,
  type WorkloadDraft,
} from './proxy-pods.ts';

export const GATEWAY_NAME_LABEL = `${GATEWAY_GROUP}/gateway-name`;
const CLASS_NAME_LABEL = `${GATEWAY_GROUP}/gateway-class-name`;

/** With the addresses that the Gateway asks for by number. */
export function serviceOfGateway(gateway: Gateway, ports: readonly PortOfProxy[]): WorkloadDraft {
  const asked = gateway.addresses.flatMap(({ type, value }) =>
    type === 'IPAddress' && value ? [value] : [],
  );
  return serviceOf(workloadOfGateway(gateway), ports, asked);
}

export function workloadOfGateway(gateway: Gateway): ProxyWorkload {
  const { namespace, name, className, uid, infrastructure } = gateway;
  const { kind } = GATEWAYS;
  return {
    // "public-fairlead"
    name: workloadName(`${name}-${className}`),
    namespace,
    labels: {
      ...Object.fromEntries(infrastructure.labels),
      [GATEWAY_NAME_LABEL]: name,
      [CLASS_NAME_LABEL]: className,
    },
    annotations: Object.fromEntries(infrastructure.annotations),
    selector: { [GATEWAY_NAME_LABEL]: name },
    owner: {
      apiVersion: apiVersionOf(GATEWAYS),
      kind,
      name,
      uid,
      controller: true,
      blockOwnerDeletion: true,
    },
    subject: ['--gateway', objectKey(gateway)],
  };
}
