// What is said of an Ingress beside what becomes of its single paths.

import { NGINX_PREFIX, readAnnotations } from '../../compile/gateway/ingress-annotations.ts';
import type { IngressParts } from '../../compile/gateway/ingress-parts.ts';
import type { IngressFindings } from './findings.ts';

/** Annotations that objects of other kinds say in the Gateway API. */
const ELSEWHERE: ReadonlyMap<string, string> = new Map([
  ['backend-protocol', 'give the Service’s port `appProtocol: kubernetes.io/h2c` where it speaks gRPC'],
]);
/** What becomes of these is said with each path. */
const WITH_PATHS: ReadonlySet<string> = new Set([
  'rewrite-target',
  'use-regex',
  'whitelist-source-range',
  'allowlist-source-range',
  'denylist-source-range',
  'proxy-body-size',
  'affinity',
]);
const WITH_PATHS_TOO = /^(?:auth|limit|mirror)-/;

/** Nothing of an HTTPRoute's standard channel says these, and nobody is let in by their absence. */
const NOT_SAID: ReadonlySet<string> = new Set([
  'proxy-connect-timeout',
  'proxy-next-upstream',
  'proxy-next-upstream-tries',
  'session-cookie-path',
  'session-cookie-domain',
  'session-cookie-samesite',
  'session-cookie-secure',
]);
/** ingress-nginx redirects unless it is told not to; whoever comes from there may count on it. */
const REDIRECTS = ['ssl-redirect', 'force-ssl-redirect'];

export function sayOfIngress(
  { ingress, hosts, regexHosts, problems }: IngressParts,
  findings: IngressFindings,
): void {
  for (const host of hosts.keys())
    if (host?.startsWith('*.') === true)
      findings.add(
        `host ${host}`,
        'changed',
        'stands for names of one label more here, of one and more in the Gateway API',
      );
  for (const [ruleIndex, { host, paths }] of ingress.rules.entries())
    for (const { type, path } of paths)
      if (type === 'implementation-specific' && path !== '/' && !regexHosts.has(host))
        findings.add(
          `rule ${ruleIndex} path ${path}`,
          'changed',
          'ImplementationSpecific is a prefix of whole path elements',
        );
  const { options, findings: annotations } = readAnnotations(ingress);
  for (const { name, effect, message } of annotations) {
    const about = `annotation ${name}`;
    const elsewhere = options.isGrpc ? ELSEWHERE.get(name) : undefined;
    if (elsewhere !== undefined) findings.add(about, 'changed', elsewhere);
    else if (NOT_SAID.has(name)) findings.add(about, 'not', 'no field of an HTTPRoute says it');
    else if (name === 'ssl-passthrough' && options.isPassed)
      findings.add(
        about,
        'not',
        'a TLSRoute at a listener of mode Passthrough does it: requests are answered 500',
      );
    else if (effect === 'closed') findings.add(about, 'not', `requests are answered 500: ${message}`);
    else if (effect === 'not' || !(WITH_PATHS.has(name) || WITH_PATHS_TOO.test(name)))
      findings.add(about, effect, message);
  }
  for (const { message } of problems.filter((it) => !it.message.startsWith(NGINX_PREFIX)))
    findings.add('backend', 'not', `${message}; 500`);
  const isAsked = REDIRECTS.some((it) => ingress.annotations.has(`${NGINX_PREFIX}${it}`));
  if (ingress.tls.length > 0 && !isAsked)
    findings.add(
      'tls',
      'changed',
      'HTTP is served beside HTTPS; ingress-nginx redirects it unless ssl-redirect is "false"',
    );
}
