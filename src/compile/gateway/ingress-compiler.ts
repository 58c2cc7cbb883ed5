// The Ingresses of one class -> what its proxy has to do, and what is to be said of each. What has the same inputs as before is not made anew.

import { parsePort } from '../../base/port.ts';
import type { HostTable, ProxyCertificate, ProxyModel, ProxyPort, TlsPort } from '../../model/gateway.ts';
import type { IngressProblem, IngressVerdict } from '../../model/ingress-verdict.ts';
import type { ChoosingNode } from '../endpoint-choice.ts';
import type { Ingress, IngressClass } from '../../objects/ingress.ts';
import { objectKey } from '../../objects/slim-meta.ts';
import { BackendEndpoints } from './backend-endpoints.ts';
import { ingressCertificates } from './ingress-certificates.ts';
import { askingHosts, authorityOfIngress, withClosed } from './ingress-client-tls.ts';
import { credentialsOfIngress } from './ingress-credentials.ts';
import { ingressesOfClass, type IngressObjects } from './ingress-objects.ts';
import { ingressParts, servicesOfIngress, type IngressParts } from './ingress-parts.ts';
import { passListeners } from './ingress-passthrough.ts';
import { ingressTables } from './ingress-tables.ts';
import { KeyedMemo } from './memo.ts';
import { readTelemetry } from './telemetry.ts';

export interface CompiledIngresses {
  readonly model: ProxyModel;
  /** Of all Ingresses of the class. */
  readonly verdicts: readonly IngressVerdict[];
  /** Of the class itself, in no namespace; undefined where it is not there. */
  readonly ofClass: IngressVerdict | undefined;
}

export interface IngressPlace {
  /** Of the node that the proxy runs on, for topology. */
  readonly node: ChoosingNode;
  /** Shown where no Ingress has a certificate for the name. */
  readonly defaultCertificate: ProxyCertificate;
}

const HTTP = parsePort(80);
const HTTPS = parsePort(443);

/** What a class serves of all names, and the certificates for it. */
interface OwnHosts {
  readonly http: readonly HostTable[];
  readonly https: readonly HostTable[];
  readonly certificates: readonly string[];
}

export class IngressCompiler {
  readonly #className: string;
  readonly #parts = new KeyedMemo<IngressParts>();
  readonly #endpoints = new BackendEndpoints();

  constructor(className: string) {
    this.#className = className;
  }

  compile(objects: IngressObjects, { node, defaultCertificate }: IngressPlace): CompiledIngresses {
    const ingresses = ingressesOfClass(this.#className, objects);
    const parts = this.#partsOf(ingresses, objects);
    const certificates = ingressCertificates(ingresses, objects.secrets);
    const shown = [defaultCertificate, ...certificates.all];
    const { http, https, rules, problems } = ingressTables(parts);
    const passed = passListeners(parts);
    const asking = askingHosts({
      parts,
      tables: https,
      certificates: shown.toReversed(),
      passed: new Set(passed.listeners.flatMap((it) => it.hostname ?? [])),
    });
    const ingressClass = objects.ingressClasses.get(this.#className);
    const telemetry = readTelemetry(ingressClass?.telemetry);
    const own = { http, https, certificates: shown.map((it) => it.id) };
    const model: ProxyModel = {
      ports: this.#portsOf(own, [...passed.listeners, ...asking.listeners]),
      udpPorts: [],
      rules: withClosed(rules, asking.problems.keys()),
      backends: this.#endpoints.of(
        parts.flatMap((it) => it.ways),
        objects.endpointSlices,
        node,
      ),
      certificates: new Map(shown.map((it) => [it.id, it])),
      authorities: asking.authorities,
      telemetry: telemetry.telemetry,
    };
    return {
      model,
      ofClass: ingressClass && classVerdict(ingressClass, telemetry.problem),
      verdicts: parts.map((it) =>
        verdictOf(it, [
          ...(problems.get(objectKey(it.ingress)) ?? []),
          ...(passed.problems.get(objectKey(it.ingress)) ?? []),
          ...(asking.problems.get(objectKey(it.ingress)) ?? []),
          ...certificates.problemsOf(it.ingress),
        ]),
      ),
    };
  }

  #partsOf(ingresses: readonly Ingress[], objects: IngressObjects): readonly IngressParts[] {
    const parts = ingresses.map((it) => {
      const named: unknown[] = servicesOfIngress(it).map((key) => objects.services.get(key));
      const [users, authority] = [credentialsOfIngress(it) ?? '', authorityOfIngress(it) ?? ''];
      const { credentials, secrets } = objects;
      named.push(credentials.get(users), credentials.get(authority), secrets.get(authority));
      return this.#parts.get(objectKey(it), [it, ...named], () => ingressParts(it, objects));
    });
    this.#parts.endRound();
    return parts;
  }

  /** `special`: TLS of names that is not ended, or asks clients for certificates. */
  #portsOf({ http, https, certificates }: OwnHosts, special: TlsPort['listeners']): readonly ProxyPort[] {
    const id = `Ingress ${this.#className}`;
    const tls = { certificates, clientValidation: undefined };
    const own = { kind: 'https', id: `${id} https`, hostname: undefined, tls, hosts: https } as const;
    return [
      { kind: 'http', port: HTTP, listeners: [{ id: `${id} http`, hostname: undefined, hosts: http }] },
      { kind: 'tls', port: HTTPS, listeners: [...special, own] },
    ];
  }
}

/** `more`: what follows from other objects than the Ingress and its Services. */
function verdictOf({ ingress, problems }: IngressParts, more: readonly IngressProblem[]): IngressVerdict {
  const { namespace, name, uid } = ingress;
  return { namespace, name, uid, problems: [...problems, ...more] };
}

function classVerdict({ name, uid }: IngressClass, problem: string | undefined): IngressVerdict {
  const problems = problem === undefined ? [] : [{ reason: 'UnknownTelemetry', message: problem }];
  return { namespace: '', name, uid, problems };
}
