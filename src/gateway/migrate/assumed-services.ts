// Services that Ingresses name by the number of a port and that are not among the objects: they are taken to be there, for a file of Ingresses alone is no mistake.

import type { Ingress } from '../../objects/ingress.ts';
import { parseService, type Service } from '../../objects/service.ts';
import { objectKey } from '../../objects/slim-meta.ts';

export function withAssumedServices(
  ingresses: readonly Ingress[],
  known: ReadonlyMap<string, Service>,
): ReadonlyMap<string, Service> {
  const ports = new Map<string, Set<number>>();
  for (const { namespace, rules, defaultBackend } of ingresses)
    for (const backend of [defaultBackend, ...rules.flatMap((it) => it.paths.map((path) => path.backend))]) {
      if (backend?.kind !== 'service' || typeof backend.port !== 'number') continue;
      const key = objectKey({ namespace, name: backend.name });
      ports.set(key, (ports.get(key) ?? new Set()).add(backend.port));
    }
  const assumed = [...ports]
    .filter(([key]) => !known.has(key))
    .map(([key, set]) => [key, serviceOf(key, set)] as const);
  return new Map([...known, ...assumed]);
}

function serviceOf(key: string, ports: ReadonlySet<number>): Service {
  const [namespace, name] = key.split('/');
  return parseService({
    metadata: { namespace, name },
    spec: {
      clusterIP: 'None',
      clusterIPs: ['None'],
      ports: [...ports].map((port) => ({ name: `p${port}`, port })),
    },
  });
}
