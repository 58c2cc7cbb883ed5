// Hosts whose TLS goes on to a Service as it came (ssl-passthrough). By the name that is asked for alone: nobody sees paths and headers.

import type { StreamTarget, TlsPassListener } from '../../model/gateway.ts';
import type { IngressProblem } from '../../model/ingress-verdict.ts';
import type { Ingress, IngressBackend } from '../../objects/ingress.ts';
import { objectKey } from '../../objects/slim-meta.ts';
import type { IngressParts } from './ingress-parts.ts';

export interface PassedHosts {
  /** By host. */
  readonly targets: ReadonlyMap<string, StreamTarget>;
  readonly problems: readonly string[];
}

/** Of an Ingress that asks for it; `backendOf` gives the id of a backend, undefined where nothing may go there. */
export function passedHosts(
  ingress: Ingress,
  backendOf: (backend: IngressBackend) => string | undefined,
): PassedHosts {
  const targets = new Map<string, StreamTarget>();
  const problems: string[] = [];
  for (const { host, paths } of ingress.rules) {
    const root = paths.find(({ path }) => path === '/' || path === '');
    if (host === undefined || host.startsWith('*.'))
      problems.push(`${host ?? 'every host'} is no single name`);
    else if (root === undefined) problems.push(`${host} has no path / to say where it goes`);
    else
      targets.set(host, {
        id: `Ingress/${objectKey(ingress)}/passed`,
        backends: [{ backend: backendOf(root.backend), weight: 1, filters: [] }],
      });
  }
  return { targets, problems };
}

export interface PassListeners {
  readonly listeners: readonly TlsPassListener[];
  /** By "namespace/name". */
  readonly problems: ReadonlyMap<string, readonly IngressProblem[]>;
}

/** The oldest Ingress that has a host says whether its TLS goes on; `parts` are in this order. */
export function passListeners(parts: readonly IngressParts[]): PassListeners {
  const listeners: TlsPassListener[] = [];
  const problems = new Map<string, IngressProblem[]>();
  for (const { ingress, passed } of parts)
    for (const [host, target] of passed) {
      const owner = parts.find((it) => it.hosts.has(host))?.ingress;
      const key = objectKey(ingress);
      if (owner === ingress)
        listeners.push({
          kind: 'tls-pass',
          id: `Ingress ${key} ${host}`,
          hostname: host,
          hosts: [{ hostname: undefined, target }],
        });
      else if (owner !== undefined) {
        const message = `Ingress ${objectKey(owner)} is older and has ${host}: its TLS does not go on`;
        problems.set(key, [...(problems.get(key) ?? []), { reason: 'HostTaken', message }]);
      }
    }
  return { listeners, problems };
}
