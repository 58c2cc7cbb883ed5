// The Gateway of migrated Ingresses: HTTP for every name, HTTPS for the names that they have certificates for, and the grants by which it may read these.

import type { Ingress } from '../../objects/ingress.ts';
import { GATEWAY_GROUP } from '../../objects/gateway-api/common.ts';
import type { IngressFindings } from './findings.ts';
import { gatewayApiObject, type ManifestLike } from './manifest-like.ts';

export interface GatewayName {
  readonly namespace: string;
  readonly name: string;
  readonly className: string;
}

/** The specification's bound (GatewaySpec.listeners). */
const MAX_LISTENERS = 64;
export const HTTP_LISTENER = 'http';

/** A listener that ends TLS for a name, or for every one. */
export interface HttpsListenerName {
  readonly name: string;
  readonly host: string | undefined;
  readonly namespace: string;
  readonly secretName: string;
}

export function gatewayOf(
  names: readonly HttpsListenerName[],
  { namespace, name, className }: GatewayName,
): readonly ManifestLike[] {
  const allowedRoutes = { namespaces: { from: 'All' } };
  const listeners = [
    { name: HTTP_LISTENER, port: 80, protocol: 'HTTP', allowedRoutes },
    ...names.map(({ name: listener, host, namespace: of, secretName }) => ({
      name: listener,
      port: 443,
      protocol: 'HTTPS',
      ...(host === undefined ? {} : { hostname: host }),
      tls: { mode: 'Terminate', certificateRefs: [{ kind: 'Secret', namespace: of, name: secretName }] },
      allowedRoutes,
    })),
  ];
  const strangers = names.filter((it) => it.namespace !== namespace);
  return [
    gatewayApiObject('Gateway', { namespace, name }, { gatewayClassName: className, listeners }),
    ...grants(strangers, { namespace, name }),
  ];
}

/** Each name once: the oldest Ingress that asks for it has it. */
export function httpsListeners(
  ingresses: readonly Ingress[],
  say: (ingress: Ingress) => IngressFindings,
): readonly HttpsListenerName[] {
  const found = new Map<string | undefined, HttpsListenerName>();
  for (const ingress of ingresses)
    for (const [index, { hosts, secretName }] of ingress.tls.entries()) {
      const about = `tls ${index}`;
      if (secretName === undefined) {
        say(ingress).add(about, 'not', 'it names no Secret: a listener shows the certificate of one');
        continue;
      }
      const { namespace } = ingress;
      for (const host of hosts.length === 0 ? [undefined] : hosts) {
        const before = found.get(host);
        const isSame = before?.namespace === namespace && before.secretName === secretName;
        if (before !== undefined && !isSame)
          say(ingress).add(
            about,
            'not',
            `${host ?? 'every name'} has the certificate of Secret ${before.namespace}/${before.secretName} already`,
          );
        else if (before === undefined && found.size + 1 >= MAX_LISTENERS)
          say(ingress).add(
            about,
            'not',
            `a Gateway has ${MAX_LISTENERS} listeners at most: make a ListenerSet for ${host}`,
          );
        else found.set(host, { name: `https-${found.size}`, host, namespace, secretName });
      }
    }
  return [...found.values()];
}

function grants(
  names: readonly HttpsListenerName[],
  gateway: { readonly namespace: string; readonly name: string },
): readonly ManifestLike[] {
  const byNamespace = new Map<string, Set<string>>();
  for (const { namespace, secretName } of names) {
    const known = byNamespace.get(namespace);
    if (known === undefined) byNamespace.set(namespace, new Set([secretName]));
    else known.add(secretName);
  }
  return [...byNamespace].map(([namespace, secrets]) =>
    gatewayApiObject(
      'ReferenceGrant',
      { namespace, name: `${gateway.name}-certificates` },
      {
        from: [{ group: GATEWAY_GROUP, kind: 'Gateway', namespace: gateway.namespace }],
        to: [...secrets].sort().map((name) => ({ group: '', kind: 'Secret', name })),
      },
    ),
  );
}
