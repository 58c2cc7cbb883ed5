// BackendTLSPolicies (GEP-1897): how TLS is spoken to Services' ports, and what is to be said of each policy.

import type { BackendTls, ProxyCertificate } from '../../model/gateway.ts';
import type { PolicyVerdict, Verdict } from '../../model/gateway-verdict.ts';
import type { BackendTlsPolicy } from '../../objects/gateway-api/backend-tls-policy.ts';
import type { Gateway } from '../../objects/gateway-api/gateway.ts';
import type { Service, ServicePort } from '../../objects/service.ts';
import { objectKey } from '../../objects/slim-meta.ts';
import { authoritiesOf, type Authority, type AuthorityInputs } from './authorities.ts';
import type { TlsAnswer } from './backends.ts';
import { certificateFor } from './certificates.ts';
import { referrerOf } from './grants.ts';
import { no, yes } from './verdicts.ts';

export interface BackendTlsInputs extends AuthorityInputs {
  readonly backendTlsPolicies: ReadonlyMap<string, BackendTlsPolicy>;
}

interface Judged {
  readonly policy: BackendTlsPolicy;
  readonly answer: TlsAnswer;
  readonly authorities: readonly Authority[];
  readonly verdicts: { readonly accepted: Verdict; readonly resolved: Verdict };
}

const PLAIN: TlsAnswer = { kind: 'plain' };

export class BackendTlsPolicies {
  /** "shop/web" for all ports, "shop/web https" for one by its name. */
  readonly #byTarget = new Map<string, Judged>();
  readonly #judged: readonly Judged[];
  readonly #losers = new Map<Judged, string>();

  /** Of what the Gateway shows to backends that ask; by id. */
  readonly certificates: ReadonlyMap<string, ProxyCertificate>;

  /** The Gateway's ResolvedRefs, where its own certificate cannot be had. */
  readonly clientCertificateProblem: Verdict | undefined;

  constructor({ namespace, backendClientCertificate: ref }: Gateway, inputs: BackendTlsInputs) {
    const found =
      ref === undefined ? undefined : certificateFor(referrerOf('Gateway', namespace), ref, inputs);
    const own = found !== undefined && 'certificate' in found ? found.certificate : undefined;
    this.clientCertificateProblem =
      found !== undefined && 'problem' in found ? clientProblem(found.problem) : undefined;
    this.certificates = new Map(own === undefined ? [] : [[own.id, own]]);
    const policies = [...inputs.backendTlsPolicies.values()].sort(compareAge);
    this.#judged = policies.map((it) => judge(it, inputs, own?.id));
    for (const one of this.#judged)
      for (const { group, kind, namespace, name, sectionName } of one.policy.targets) {
        if (group !== '' || kind !== 'Service') continue;
        const target = `${namespace}/${name}${sectionName === undefined ? '' : ` ${sectionName}`}`;
        const first = this.#byTarget.get(target);
        if (first === undefined) this.#byTarget.set(target, one);
        else if (first !== one) this.#losers.set(one, objectKey(first.policy));
      }
  }

  /** That of the port by its name before that of the whole Service. */
  of(service: Service, port: ServicePort): TlsAnswer {
    const key = objectKey(service);
    const found = this.#byTarget.get(`${key} ${port.name}`) ?? this.#byTarget.get(key);
    if (found === undefined) return PLAIN;
    return found.answer;
  }

  /** Of those whose Services this Gateway's routes lead to, as far as `isUsed` says so. */
  verdicts(isUsed: (serviceKey: string) => boolean): readonly PolicyVerdict[] {
    const concerned = this.#judged.filter(({ policy }) => policy.targets.some((it) => isUsed(objectKey(it))));
    return concerned.map((one) => {
      const { kind, namespace, name, generation } = { kind: 'BackendTLSPolicy', ...one.policy };
      return { kind, namespace, name, generation, conditions: this.#conditionsOf(one) };
    });
  }

  /** PEM by id. */
  get authorities(): ReadonlyMap<string, string> {
    return new Map(this.#judged.flatMap((it) => it.authorities.map(({ id, pem }) => [id, pem] as const)));
  }

  #conditionsOf(one: Judged): readonly Verdict[] {
    const winner = this.#losers.get(one);
    const { accepted, resolved } = one.verdicts;
    if (winner !== undefined)
      return [
        no('Accepted', 'Conflicted', `BackendTLSPolicy ${winner} is older and has a target of it`),
        resolved,
      ];
    return [accepted, resolved];
  }
}

function clientProblem(problem: Verdict): Verdict {
  if (problem.reason === 'RefNotPermitted') return problem;
  return { ...problem, reason: 'InvalidClientCertificateRef' };
}

function judge(
  policy: BackendTlsPolicy,
  inputs: AuthorityInputs,
  clientCertificate: string | undefined,
): Judged {
  const from = referrerOf('BackendTLSPolicy', policy.namespace);
  const { authorities, problem } = authoritiesOf(from, policy.caCertificates, inputs);
  const isTrusting = authorities.length > 0 || policy.usesSystemAuthorities;
  if (!isTrusting) {
    const message = problem?.message ?? 'no authority is named';
    const accepted = no('Accepted', 'NoValidCACertificate', message);
    const resolved = problem ?? no('ResolvedRefs', 'InvalidCACertificateRef', message);
    // Nothing may go there unsecured, and nothing secured by nobody.
    return { policy, answer: { kind: 'closed' }, authorities: [], verdicts: { accepted, resolved } };
  }
  const resolved = problem ?? yes('ResolvedRefs', 'ResolvedRefs');
  if (!isHostnameNamed(policy)) {
    const message = `certificates are looked through for the hostname alone, and ${policy.hostname} is none of the subjectAltNames`;
    const accepted = no('Accepted', 'Invalid', message);
    return { policy, answer: { kind: 'closed' }, authorities: [], verdicts: { accepted, resolved } };
  }
  const tls: BackendTls = {
    hostname: policy.hostname,
    isVerified: true,
    authorities: authorities.map(({ id }) => id),
    clientCertificate,
  };
  const accepted = yes('Accepted', 'Accepted', strictness(policy));
  return { policy, answer: { kind: 'tls', tls }, authorities, verdicts: { accepted, resolved } };
}

/**
 * What HAProxy 2.6 names to a server is also what it looks for in the certificate, and nothing else is. With others allowed beside the hostname that is stricter than
 * was asked for; without the hostname it would be another name than was asked for.
 */
function isHostnameNamed({ subjectAltNames, hostname }: BackendTlsPolicy): boolean {
  const isOwn = (it: BackendTlsPolicy['subjectAltNames'][number]): boolean =>
    it.type === 'hostname' && it.value === hostname;
  return subjectAltNames.length === 0 || subjectAltNames.some(isOwn);
}

function strictness({ subjectAltNames, hostname }: BackendTlsPolicy): string {
  return subjectAltNames.length > 1 ? `of the subjectAltNames ${hostname} alone is looked for` : '';
}

function compareAge(a: BackendTlsPolicy, b: BackendTlsPolicy): number {
  const rank = (it: BackendTlsPolicy): string => `${it.createdAt} ${objectKey(it)}`;
  return rank(a) < rank(b) ? -1 : 1;
}
