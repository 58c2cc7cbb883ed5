import assert from 'node:assert/strict';
import { test } from 'node:test';
import { aDeployment, aNetworkPolicy, policyWorldOf } from '../../test/support/policy-world-of.ts';
import { readAssertions } from './assertion-file.ts';
import { judgeAssertions, titleOf, type AssertionResult } from './assertions.ts';
import { oracleJudge } from './policy-judge.ts';
import { junitReport } from './reports/junit.ts';
import { markdownReport } from './reports/markdown.ts';
import { sarifReport } from './reports/sarif.ts';
import { tapReport } from './reports/tap.ts';
import { textReport } from './reports/text.ts';

const WORLD = policyWorldOf(
  aDeployment('shop/web', '{ app: web }', '{ name: http, containerPort: 80 }') +
    aDeployment('shop/api', '{ app: api }') +
    aNetworkPolicy(
      'shop/p',
      '{ podSelector: { matchLabels: { app: web } }, ingress: [ { ports: [ { port: http } ] } ] }',
    ),
);

function judge(tests: string): readonly AssertionResult[] {
  const { assertions, mistakes } = readAssertions('t.yaml', `namespace: shop\ntests:\n${tests}`);
  assert.deepEqual(mistakes, []);
  return judgeAssertions(WORLD, oracleJudge(WORLD), assertions);
}

for (const row of [
  {
    name: 'an allowed connection that must be',
    test: 'to: web, port: 80, expect: allow',
    failure: undefined,
  },
  { name: 'a denied one that must be', test: 'to: web, port: 81, expect: deny', failure: undefined },
  {
    name: 'an allowed one that must not be',
    test: 'to: web, port: http, expect: deny',
    failure: 'expected deny, got allow: NetworkPolicy shop/p ingress[0] (a.yaml:15)',
  },
  {
    name: 'one that nobody speaks of and that must not be',
    test: 'to: api, port: 80, expect: deny',
    failure: 'expected deny, got allow: no policy says anything about it',
  },
  {
    name: 'a denied one that must not be',
    test: 'to: web, port: 81, expect: allow',
    failure:
      'expected allow, got deny: ingress isolated by NetworkPolicy shop/p (a.yaml:14); ingress[0] of NetworkPolicy shop/p would match if the port were TCP http (80) (a.yaml:15)',
  },
  {
    name: 'one by the policy that must decide',
    test: 'to: web, port: 80, expect: allow, by: p',
    failure: undefined,
  },
  {
    name: 'the same with its namespace',
    test: 'to: web, port: 81, expect: deny, by: shop/p',
    failure: undefined,
  },
  {
    name: 'one by another',
    test: 'to: web, port: 80, expect: allow, by: q',
    failure: 'expected by q, got allow by NetworkPolicy shop/p',
  },
  {
    name: 'one by none',
    test: 'to: api, port: 80, expect: allow, by: q',
    failure: 'expected by q, got allow by no policy',
  },
])
  test(`judgeAssertions() judges ${row.name}`, () => {
    const [result] = judge(`  - { from: api, ${row.test} }`);
    assert.equal(result?.failure, row.failure);
  });

test('judgeAssertions() judges every workload that a pattern stands for', () => {
  const results = judge(`  - { from: '*', except: [web], to: 'shop/*', port: 81, expect: allow }`);
  assert.deepEqual(
    results.map(({ assertion, failure }) => `${titleOf(assertion)}: ${failure === undefined}`),
    ['shop/Deployment/api to shop/Deployment/api:81 is allowed: true'],
  );
});

test('judgeAssertions() judges every workload behind a Service', () => {
  const service = `---
apiVersion: v1
kind: Service
metadata: { name: all, namespace: shop }
spec: { selector: { app: web }, ports: [ { port: 8000, targetPort: 80 } ] }
`;
  const world = policyWorldOf(
    aDeployment('shop/web', '{ app: web }') +
      aDeployment('shop/more', '{ app: web, is: more }') +
      aNetworkPolicy('shop/p', '{ podSelector: { matchLabels: { is: more } } }') +
      service,
  );
  const text = 'namespace: shop\ntests: [ { from: web, to: shop/service/all, port: 8000, expect: allow } ]';
  const results = judgeAssertions(world, oracleJudge(world), readAssertions('t.yaml', text).assertions);
  assert.deepEqual(
    results.map(
      ({ explanation, failure }) => `${explanation.to} ${explanation.port} ${failure === undefined}`,
    ),
    ['shop/Deployment/web 80 true', 'shop/Deployment/more 80 false'],
  );
});

test('judgeAssertions() refuses all that the manifests have not, with lines', () => {
  const tests =
    '  - { from: nobody, to: web, port: 1, expect: deny }\n  - { from: api, to: web, port: https, expect: deny }';
  assert.throws(
    () => judge(tests),
    /2 mistakes\nt\.yaml:3: Cannot find "nobody": .*\nt\.yaml:4: Cannot find port "https" of .*/,
  );
});

const RESULTS = judge(`  - { from: api, to: web, port: 80, expect: allow, name: 'a <b> & "c" #1 | *x*' }
  - { from: api, to: web, port: 80, expect: deny, why: 'nobody <may>' }
`);

test('titleOf() names the connection where the test has no name', () => {
  assert.equal(titleOf(RESULTS[1]!.assertion), 'api to web:80 is denied');
});

test('textReport() shows failures with why, and all where asked', () => {
  const failed = `FAIL t.yaml:4: api to web:80 is denied
     expected deny, got allow: NetworkPolicy shop/p ingress[0] (a.yaml:15)
     why: nobody <may>
1 passed, 1 failed
`;
  assert.equal(textReport(RESULTS, false), failed);
  assert.equal(textReport(RESULTS, true), `ok   t.yaml:3: a <b> & "c" #1 | *x* (api to web:80)\n${failed}`);
});

test('tapReport() is TAP 14 with facts of failures', () => {
  assert.equal(
    tapReport(RESULTS),
    String.raw`TAP version 14
1..2
ok 1 - a <b> & "c" \#1 | *x* (api to web:80)
not ok 2 - api to web:80 is denied
  ---
  message: "expected deny, got allow: NetworkPolicy shop/p ingress[0] (a.yaml:15)"
  file: "t.yaml"
  line: 4
  why: "nobody <may>"
  ...
`,
  );
});

test('junitReport() is XML with a suite for each file', () => {
  assert.equal(
    junitReport(RESULTS),
    `<?xml version="1.0" encoding="UTF-8"?>
<testsuites tests="2" failures="1" errors="0">
  <testsuite name="t.yaml" tests="2" failures="1" errors="0">
    <testcase name="a &lt;b&gt; &amp; &quot;c&quot; #1 | *x* (api to web:80)" classname="t.yaml" file="t.yaml" line="3"/>
    <testcase name="api to web:80 is denied" classname="t.yaml" file="t.yaml" line="4">
      <failure message="expected deny, got allow: NetworkPolicy shop/p ingress[0] (a.yaml:15)">t.yaml:4: expected deny, got allow: NetworkPolicy shop/p ingress[0] (a.yaml:15)&#10;why: nobody &lt;may&gt;</failure>
    </testcase>
  </testsuite>
</testsuites>
`,
  );
});

test('markdownReport() is a table of failures, whose cells cannot break it', () => {
  assert.equal(
    markdownReport(RESULTS),
    String.raw`### Policy tests: 1 passed, 1 failed

| test | failure | why | at |
|---|---|---|---|
| api to web:80 is denied | expected deny, got allow: NetworkPolicy shop/p ingress\[0\] (a.yaml:15) | nobody &lt;may&gt; | t.yaml:4 |
`,
  );
  assert.equal(markdownReport(RESULTS.slice(0, 1)), '### Policy tests: 1 passed, 0 failed\n');
});

test('sarifReport() puts what failed at its line', () => {
  const log = JSON.parse(sarifReport(RESULTS, '1.2.3')) as {
    readonly version: string;
    readonly runs: readonly { readonly results: readonly unknown[] }[];
  };
  assert.equal(log.version, '2.1.0');
  assert.deepEqual(log.runs[0]?.results, [
    {
      ruleId: 'policy-test',
      level: 'error',
      message: {
        text: 'api to web:80 is denied: expected deny, got allow: NetworkPolicy shop/p ingress[0] (a.yaml:15)',
      },
      locations: [{ physicalLocation: { artifactLocation: { uri: 't.yaml' }, region: { startLine: 4 } } }],
    },
  ]);
});
