import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { aClusterPolicy, aDeployment, aNetworkPolicy } from '../../../test/support/policy-world-of.ts';
import { parseCidr } from '../../base/cidr.ts';
import { readManifests } from '../../lab/manifests/read-manifests.ts';
import { isOfPolicyWorld } from '../policy-world.ts';
import { LINT_RULES, lintPolicies } from './lint.ts';
import { lintText } from './lint-text.ts';

const SETTINGS = { podCidrs: [parseCidr('10.244.0.0/16')] };
const WORKLOADS =
  aDeployment('a/web', '{ app: web }', '{ name: http, containerPort: 80 }') +
  aDeployment('b/db', '{ app: db }');

function lint(text: string, ignored: readonly string[] = []) {
  const { manifests, complaints } = readManifests('a.yaml', text);
  assert.deepEqual(complaints, []);
  return lintPolicies(manifests.filter(isOfPolicyWorld), SETTINGS, ignored);
}

/** A policy a/p for a/web with one rule of ingress. */
function letting(rule: string): string {
  return aNetworkPolicy(
    'a/p',
    `{ podSelector: { matchLabels: { app: web } }, policyTypes: [Ingress], ingress: [ ${rule} ] }`,
  );
}

/** The same with one rule of egress. */
function lettingOut(rule: string): string {
  return aNetworkPolicy(
    'a/p',
    `{ podSelector: { matchLabels: { app: web } }, policyTypes: [Egress], egress: [ ${rule} ] }`,
  );
}

function cluster(name: string, rest: string): string {
  return aClusterPolicy(name, `{ tier: Admin, ${rest} }`);
}

const ALL = 'subject: { namespaces: {} }';
const TO_DNS = 'namespaceSelector: { matchLabels: { kubernetes.io/metadata.name: kube-system } }';
const UDP_53 = '{ port: 53, protocol: UDP }';

/** What the rule finds: lines after the workloads, and words; undefined where it must find nothing. */
const ROWS: readonly { readonly rule: string; readonly given: string; readonly finds?: string }[] = [
  {
    rule: 'rules-ignored',
    given: aNetworkPolicy('a/p', '{ podSelector: {}, policyTypes: [Ingress], egress: [ {} ] }'),
    finds: 'egress rules do nothing: policyTypes has no Egress',
  },
  { rule: 'rules-ignored', given: aNetworkPolicy('a/p', '{ podSelector: {}, egress: [ {} ] }') },
  {
    rule: 'rules-ignored',
    given: aNetworkPolicy('a/p', '{ podSelector: {}, policyTypes: [Ingress], egress: [] }'),
  },
  {
    rule: 'types-implied',
    given: aNetworkPolicy('a/p', '{ podSelector: {} }'),
    finds: 'policyTypes is absent and means [Ingress]',
  },
  {
    rule: 'types-implied',
    given: aNetworkPolicy('a/p', '{ podSelector: {}, egress: [ {} ] }'),
    finds: 'policyTypes is absent and means [Ingress, Egress]',
  },
  { rule: 'types-implied', given: letting('{}') },
  {
    rule: 'namespace-implied',
    given: letting('{}').replace(', namespace: a', ''),
    finds: 'names no namespace',
  },
  { rule: 'namespace-implied', given: letting('{}') },
  { rule: 'open-rule', given: letting('{}'), finds: 'ingress[0] lets everything in' },
  { rule: 'open-rule', given: lettingOut('{ to: [] }'), finds: 'egress[0] lets everything out' },
  { rule: 'open-rule', given: letting('{ ports: [ { port: 80 } ] }') },
  {
    rule: 'or-not-and',
    given: letting('{ from: [ { namespaceSelector: {} }, { podSelector: {} } ] }'),
    finds:
      'ingress[0] lets all pods of the selected namespaces pass, and besides them pods of its own namespace by podSelector',
  },
  { rule: 'or-not-and', given: letting('{ from: [ { podSelector: {} }, { namespaceSelector: {} } ] }') },
  { rule: 'or-not-and', given: letting('{ from: [ { namespaceSelector: {}, podSelector: {} } ] }') },
  {
    rule: 'selects-nothing',
    given: aNetworkPolicy('a/p', '{ podSelector: { matchLabels: { app: wbe } } }'),
    finds: 'podSelector selects no workload of namespace a',
  },
  { rule: 'selects-nothing', given: letting('{}') },
  // Another repository has its workloads.
  {
    rule: 'selects-nothing',
    given: aNetworkPolicy('elsewhere/p', '{ podSelector: { matchLabels: { app: wbe } } }'),
  },
  {
    rule: 'peer-nobody',
    given: letting('{ from: [ { podSelector: {} }, { podSelector: { matchLabels: { app: wbe } } } ] }'),
    finds: 'ingress[0].from[1] selects no workload',
  },
  {
    rule: 'peer-nobody',
    given: lettingOut(`{ to: [ { ${TO_DNS}, podSelector: { matchLabels: { x: y } } } ] }`),
  },
  { rule: 'peer-nobody', given: letting('{ from: [ { ipBlock: { cidr: 203.0.113.0/24 } } ] }') },
  {
    rule: 'port-name-nowhere',
    given: letting('{ ports: [ { port: https } ] }'),
    finds: 'ingress[0] names port "https" of TCP, which no destination has',
  },
  {
    rule: 'port-name-nowhere',
    given: lettingOut(
      '{ to: [ { namespaceSelector: {}, podSelector: { matchLabels: { app: db } } } ], ports: [ { port: sql } ] }',
    ),
    finds: 'egress[0] names port "sql" of TCP, which no destination has',
  },
  { rule: 'port-name-nowhere', given: letting('{ ports: [ { port: http } ] }') },
  { rule: 'port-name-nowhere', given: lettingOut(`{ to: [ { ${TO_DNS} } ], ports: [ { port: dns } ] }`) },
  {
    rule: 'port-undeclared',
    given: letting('{ ports: [ { port: 8080 } ] }'),
    finds: 'ingress[0] opens TCP 8080, which no container of its pods declares',
  },
  { rule: 'port-undeclared', given: letting('{ ports: [ { port: 79, endPort: 81 } ] }') },
  {
    rule: 'port-undeclared',
    given: aNetworkPolicy('b/p', '{ podSelector: {}, ingress: [ { ports: [ { port: 5432 } ] } ] }'),
  },
  {
    rule: 'block-of-pods',
    given: letting('{ from: [ { ipBlock: { cidr: 10.244.7.0/24 } } ] }'),
    finds: 'ingress[0] names pods by their addresses (10.244.7.0/24)',
  },
  { rule: 'block-of-pods', given: letting('{ from: [ { ipBlock: { cidr: 10.0.0.0/8 } } ] }') },
  {
    rule: 'one-family',
    given: lettingOut('{ to: [ { ipBlock: { cidr: 0.0.0.0/0 } } ] }'),
    finds: 'egress[0] has 0.0.0.0/0 and nothing of IPv6',
  },
  {
    rule: 'one-family',
    given: lettingOut('{ to: [ { ipBlock: { cidr: 0.0.0.0/0 } }, { ipBlock: { cidr: "::/0" } } ] }'),
  },
  { rule: 'one-family', given: lettingOut('{ to: [ { ipBlock: { cidr: 203.0.113.0/24 } } ] }') },
  {
    rule: 'dns-blocked',
    given: lettingOut('{ ports: [ { port: 443 } ] }'),
    finds: "keeps a/Deployment/web from the cluster's DNS server over UDP",
  },
  { rule: 'dns-blocked', given: lettingOut(`{ to: [ { ${TO_DNS} } ], ports: [ ${UDP_53} ] }`) },
  { rule: 'dns-blocked', given: letting('{}') },
  {
    rule: 'dns-blocked',
    given: cluster('x', `priority: 1, ${ALL}, egress: [ { action: Deny, to: [ { namespaces: {} } ] } ]`),
    finds: "keeps a/Deployment/web, b/Deployment/db from the cluster's DNS server over UDP",
  },
  {
    rule: 'dns-tcp-blocked',
    given: lettingOut(`{ to: [ { ${TO_DNS} } ], ports: [ ${UDP_53} ] }`),
    finds: "keeps a/Deployment/web from the cluster's DNS server over TCP",
  },
  { rule: 'dns-tcp-blocked', given: lettingOut('{ ports: [ { port: 443 } ] }') },
  {
    rule: 'dns-tcp-blocked',
    given: lettingOut(`{ to: [ { ${TO_DNS} } ], ports: [ ${UDP_53}, { port: 53 } ] }`),
  },
  {
    rule: 'redundant-rule',
    given: letting(
      '{ from: [ { namespaceSelector: {} } ] }, { from: [ { podSelector: {} } ], ports: [ { port: 80 } ] }',
    ),
    finds: 'ingress[1] lets nothing pass here that ingress[0] of a/p does not',
  },
  {
    rule: 'redundant-rule',
    given: letting('{ ports: [ { port: 80 } ] }, { ports: [ { port: 80 } ] }'),
    finds: 'ingress[1] lets nothing pass here that ingress[0] of a/p does not',
  },
  {
    rule: 'redundant-rule',
    given: letting('{ ports: [ { port: 80 } ] }, { from: [ { podSelector: {} } ] }'),
  },
  { rule: 'redundant-rule', given: letting('{ from: [ { podSelector: { matchLabels: { x: y } } } ] }, {}') },
  {
    rule: 'redundant-rule',
    given: letting(
      '{ from: [ { ipBlock: { cidr: 203.0.113.0/24 } } ] }, { from: [ { ipBlock: { cidr: 203.0.113.0/28 } } ] }',
    ),
    finds: 'ingress[1] lets nothing pass here that ingress[0] of a/p does not',
  },
  {
    rule: 'unreached-rule',
    given: cluster(
      'x',
      `priority: 1, ${ALL}, ingress: [ { action: Pass, from: [ { namespaces: {} } ] }, { action: Deny, from: [ { namespaces: {} } ], protocols: [ { tcp: { destinationPort: { number: 1 } } } ] } ]`,
    ),
    finds: 'ingress[1] is never asked here: ingress[0] takes all its connections',
  },
  {
    rule: 'unreached-rule',
    given: cluster(
      'x',
      `priority: 1, ${ALL}, ingress: [ { action: Pass, from: [ { namespaces: {} } ], protocols: [ { tcp: { destinationPort: { number: 1 } } } ] }, { action: Deny, from: [ { namespaces: {} } ] } ]`,
    ),
  },
  {
    rule: 'names-not-accepted',
    given: cluster(
      'x',
      `priority: 1, ${ALL}, egress: [ { action: Accept, to: [ { domainNames: [a.net] } ] }, { action: Deny, to: [ { namespaces: {} }, { domainNames: [b.net] } ] } ]`,
    ),
    finds: 'egress[1] is no Accept and has domainNames, so that it denies everything',
  },
  {
    rule: 'names-not-accepted',
    given: cluster(
      'x',
      `priority: 1, ${ALL}, egress: [ { action: Accept, to: [ { domainNames: [a.net] } ] }, { action: Deny, to: [ { networks: [0.0.0.0/0] } ] } ]`,
    ),
  },
  {
    rule: 'equal-priority',
    given: cluster('x', `priority: 1, ${ALL}`) + cluster('y', `priority: 1, ${ALL}`),
    finds: 'has the priority 1 of x in tier Admin, and pods in common',
  },
  {
    rule: 'equal-priority',
    given: cluster('x', `priority: 1, ${ALL}`) + cluster('y', `priority: 2, ${ALL}`),
  },
  {
    rule: 'equal-priority',
    given:
      cluster('x', `priority: 1, ${ALL}`) +
      cluster(
        'y',
        'priority: 1, subject: { namespaces: { matchLabels: { kubernetes.io/metadata.name: z } } }',
      ),
  },
  {
    rule: 'unprotected',
    given: letting('{}'),
    finds: 'everybody may reach it: no policy restricts its ingress',
  },
  {
    rule: 'unprotected',
    given: letting('{}') + aNetworkPolicy('b/p', '{ podSelector: {} }'),
  },
];

for (const { rule, given, finds } of ROWS)
  test(`lint ${rule} ${finds === undefined ? 'finds nothing in' : 'finds its mistake in'} ${given.split('\n').slice(3).join(' ').trim()}`, () => {
    const found = lint(WORKLOADS + given).filter((it) => it.rule === rule);
    assert.deepEqual(
      found.map((it) => it.message.replace(/^\S+ \S+: /, '')),
      finds === undefined ? [] : [finds],
    );
  });

test('every lint rule has a row that finds something, one that does not, and a line in the documentation', () => {
  const page = readFileSync(new URL('../../../docs/policy.md', import.meta.url), 'utf8');
  const rows = [...page.matchAll(/^\| `([a-z-]+)` \| (error|warning|note) \| (.*) \|$/gm)].map((it) =>
    it.slice(1, 4).join(' '),
  );
  assert.deepEqual(
    rows,
    LINT_RULES.map((it) => `${it.id} ${it.level} ${it.about}`),
  );
  for (const finds of [true, false])
    assert.deepEqual(
      LINT_RULES.map((it) => it.id).filter(
        (id) => !ROWS.some((it) => it.rule === id && (it.finds !== undefined) === finds),
      ),
      [],
    );
});

const OPEN = letting('{}');

test('lintText() shows the line and what to do', () => {
  const findings = lint(WORKLOADS + OPEN).filter((it) => it.rule === 'open-rule');
  assert.equal(
    lintText(findings, ({ line }) => `line ${line}`),
    `a.yaml:15: warning open-rule: NetworkPolicy a/p: ingress[0] lets everything in
    15 | line 15
    fix: name from or ports
0 errors, 1 warning, 0 notes
`,
  );
});

test('lintPolicies() leaves out rules that are ignored, everywhere or on an object', () => {
  const of = (text: string, ignored: readonly string[] = []): boolean =>
    lint(WORKLOADS + text, ignored).some((it) => it.rule === 'open-rule');
  const annotated = OPEN.replace(
    'namespace: a }',
    'namespace: a, annotations: { policy.fairlead.dev/lint-ignore: "unprotected, open-rule" } }',
  );
  assert.deepEqual([of(OPEN), of(OPEN, ['open-rule']), of(annotated)], [true, false, false]);
  assert.throws(() => lint(OPEN, ['opne-rule']), /Cannot ignore opne-rule: there are /);
});

test('lintPolicies() counts on the DNS server of the manifests, if they have one', () => {
  const server = aDeployment('kube-system/dns', '{ k8s-app: kube-dns, mine: "1" }');
  const rule = `{ to: [ { namespaceSelector: {}, podSelector: { matchLabels: { mine: "1" } } } ], ports: [ ${UDP_53} ] }`;
  const of = (text: string): boolean =>
    lint(WORKLOADS + text + lettingOut(rule)).some((it) => it.rule === 'dns-blocked');
  assert.deepEqual([of(server), of('')], [false, true]);
});
