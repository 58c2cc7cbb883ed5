import assert from 'node:assert/strict';
import { test } from 'node:test';
import { aClusterPolicy, aDeployment, policyWorldOf } from '../../test/support/policy-world-of.ts';
import { addressOfName, readDomainName } from './domain-name.ts';
import { oracleJudge } from './policy-judge.ts';
import { readQuestions } from './question.ts';
import { suggestPolicies } from './suggestion.ts';

for (const { text, name } of [
  { text: 'WWW.Example.com.', name: 'www.example.com' },
  { text: '_dmarc.example.com', name: '_dmarc.example.com' },
  { text: 'xn--bcher-kva.example', name: 'xn--bcher-kva.example' },
  { text: 'web', name: undefined },
  { text: '*.example.com', name: undefined },
  { text: 'shop/web.a', name: undefined },
  { text: '1.2.3.4', name: undefined },
  { text: '-a.example.com', name: undefined },
  { text: `${'a.'.repeat(127)}com`, name: undefined },
])
  test(`readDomainName() takes "${text.slice(0, 30)}" for ${name ?? 'no name'}`, () => {
    assert.equal(readDomainName(text), name);
  });

const RULES =
  '{ tier: Admin, priority: 1, subject: { namespaces: {} }, egress: [ { action: Accept, to: [ { domainNames: [www.example.com, "*.wild.net"] } ], protocols: [ { tcp: { destinationPort: { number: 443 } } } ] }, { action: Deny, to: [ { networks: [0.0.0.0/0, "::/0", 198.51.100.0/24] } ] } ] }';
const WORLD = policyWorldOf(aDeployment('a/web', '{ app: web }') + aClusterPolicy('names', RULES));

for (const family of [4, 6] as const)
  for (const { to, port = '443', isAllowed } of [
    { to: 'www.example.com', isAllowed: true },
    { to: 'a.b.wild.net', isAllowed: true },
    { to: 'wild.net', isAllowed: false },
    { to: 'example.com', isAllowed: false },
    { to: 'www.example.com', port: '80', isAllowed: false },
  ])
    test(`a pod may ${isAllowed ? '' : 'not '}reach ${to}:${port} by IPv${family} where names are accepted`, () => {
      const [question] = readQuestions(WORLD, { from: 'a/web', to, port }, { namespace: 'a', family });
      assert.ok(question);
      assert.equal(question.family, family);
      assert.equal(oracleJudge(WORLD).judge(question).isAllowed, isAllowed);
    });

test('addressOfName() stands in no block but those of everything', () => {
  assert.doesNotMatch(addressOfName(WORLD, 'www.example.com', 4), /^198\.51\.100\./);
  const whole = policyWorldOf(
    aClusterPolicy(
      'x',
      '{ tier: Admin, priority: 1, subject: { namespaces: {} }, egress: [ { action: Deny, to: [ { networks: [0.0.0.0/1, 128.0.0.0/1] } ] } ] }',
    ),
  );
  assert.throws(
    () => addressOfName(whole, 'www.example.com', 4),
    /www\.example\.com: policies name every address of IPv4/,
  );
});

test('suggestPolicies() knows that a NetworkPolicy has no names', () => {
  const isolated = policyWorldOf(
    `${aDeployment('a/web', '{ app: web }')}---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: { name: p, namespace: a }
spec: { podSelector: {}, policyTypes: [Egress] }
`,
  );
  const text = { from: 'a/web', to: 'www.example.com', port: '443' };
  const [question] = readQuestions(isolated, text, { namespace: 'a', family: 4 });
  assert.ok(question);
  assert.throws(
    () => suggestPolicies(isolated, oracleJudge(isolated), question),
    /for www\.example\.com: it knows no names/,
  );
});
