// Ingresses -> a Gateway with HTTPRoutes that answer the same requests in the same way. Pure. Made of what their compile says, so that what is served and what is written is one reading.

import { holds } from '../../compile/gateway/hostnames.ts';
import { oldestIngressesFirst } from '../../compile/gateway/ingress-objects.ts';
import { ingressParts, type IngressParts } from '../../compile/gateway/ingress-parts.ts';
import { ingressTables } from '../../compile/gateway/ingress-tables.ts';
import { defaultClassName, type Ingress, type IngressClass } from '../../objects/ingress.ts';
import type { Service } from '../../objects/service.ts';
import { objectKey } from '../../objects/slim-meta.ts';
import { assumedCredentials, withAssumedServices } from './assumed-objects.ts';
import { IngressFindings } from './findings.ts';
import { gatewayOf, httpsListeners, type GatewayName } from './gateway-listeners.ts';
import { sayOfIngress } from './ingress-remarks.ts';
import type { Migration } from './migration.ts';
import { planRoutes } from './route-plan.ts';
import type { BackendPlaces } from './route-rule.ts';

export interface MigrationInput {
  readonly ingresses: readonly Ingress[];
  readonly ingressClasses: readonly IngressClass[];
  readonly services: ReadonlyMap<string, Service>;
  readonly gateway: GatewayName;
  /** Undefined for Ingresses of every class. */
  readonly className: string | undefined;
}

export function migrate(input: MigrationInput): Migration {
  const { gateway } = input;
  const ingresses = chosen(input);
  const byKey = new Map(ingresses.map((it) => [objectKey(it), it]));
  const findings = new Map(ingresses.map((it) => [it, new IngressFindings()]));
  const say = (ingress: Ingress): IngressFindings => findings.get(ingress) ?? new IngressFindings();
  const assumed = {
    services: withAssumedServices(ingresses, input.services),
    credentials: assumedCredentials(ingresses),
    secrets: new Map(),
  };
  const parts = ingresses.map((it) => ingressParts(it, assumed));
  for (const it of parts) sayOfIngress(it, say(it.ingress));
  const listeners = httpsListeners(ingresses, say);
  const tables = ingressTables(parts);
  for (const [key, problems] of tables.problems)
    for (const { message } of problems) {
      const ingress = byKey.get(key);
      if (ingress !== undefined) say(ingress).add('annotation canary', 'not', message);
    }
  const routes = planRoutes({
    tables,
    places: placesOf(parts),
    gateway,
    // "Ingress/shop/web/0/1"
    ingressOf: (rule) => byKey.get(rule.split('/').slice(1, 3).join('/')),
    httpsOf: (host) => listeners.filter((it) => holds(it.host, host)).map((it) => it.name),
    say,
  });
  return {
    objects:
      ingresses.length === 0 ? [] : [...gatewayOf(listeners, gateway), ...routes.map(({ object }) => object)],
    ingresses: ingresses.map((it) => ({
      namespace: it.namespace,
      name: it.name,
      className: it.className,
      routes: routes.flatMap(({ ingress, object }) => (ingress === it ? [object.metadata.name] : [])),
      findings: say(it).all,
    })),
  };
}

function placesOf(parts: readonly IngressParts[]): BackendPlaces {
  const ways = parts.flatMap((it) => it.ways);
  return new Map(
    ways.map(({ id, service, port, tls, persistence }) => [
      id,
      {
        name: service.slice(service.indexOf('/') + 1),
        port: port.port,
        isTls: tls !== undefined,
        persistence,
      },
    ]),
  );
}

function chosen({ ingresses, ingressClasses, className }: MigrationInput): readonly Ingress[] {
  const inherited = defaultClassName(ingressClasses);
  return oldestIngressesFirst(
    ingresses.filter((it) => className === undefined || (it.className ?? inherited) === className),
  );
}
