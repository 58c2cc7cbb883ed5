// What Ingresses name and what is not among the objects is taken to be there, for a file of Ingresses alone is no mistake: Services by the number of a port, Secrets with names and passwords.

import { FairleadError } from '../../base/errors.ts';
import { credentialsOfIngress } from '../../compile/gateway/ingress-credentials.ts';
import { parseCredentialSecret, type CredentialSecret } from '../../objects/credentials.ts';
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

/** Secrets are not read at all: that there is a guard is all that a move has to know. */
export function assumedCredentials(ingresses: readonly Ingress[]): ReadonlyMap<string, CredentialSecret> {
  const keys = ingresses.flatMap((it) => credentialsOfIngress(it) ?? []);
  return new Map(
    keys.map((key) => {
      const [namespace, name] = key.split('/');
      const data = { auth: encoded(`nobody:${NOBODY}`), nobody: encoded(NOBODY) };
      const secret = parseCredentialSecret({ metadata: { namespace, name }, data });
      if (secret === undefined) throw new FairleadError('internal', `Cannot assume Secret ${key}`);
      return [key, secret];
    }),
  );
}

const NOBODY = '{SHA}AAAAAAAAAAAAAAAAAAAAAAAAAAA=';

function encoded(text: string): string {
  return Buffer.from(text).toString('base64');
}
