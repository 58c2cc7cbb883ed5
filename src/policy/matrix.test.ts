import assert from 'node:assert/strict';
import { test } from 'node:test';
import { aDeployment, aNetworkPolicy, policyWorldOf } from '../../test/support/policy-world-of.ts';
import { parseCidr } from '../base/cidr.ts';
import { bitsIn, noBits, setBit, type Bits } from './bits.ts';
import { matrixCsv, matrixJson, matrixMarkdown, matrixText } from './matrix-text.ts';
import { matrixOf, type Matrix } from './matrix.ts';

const SETTINGS = { family: 4, podCidrs: [parseCidr('10.244.0.0/16')] } as const;

const WORKLOADS =
  aDeployment('a/web', '{ app: web }', '{ name: http, containerPort: 80 }, { containerPort: 81 }') +
  aDeployment('a/db', '{ app: db }');

/** All pieces of a form as one text. */
function all(pieces: Iterable<string>): string {
  return [...pieces].join('');
}

function aMatrix(
  ends: readonly string[],
  columns: readonly (readonly [to: string, ports: string, from: readonly string[]])[],
): Matrix {
  return {
    ends,
    columns: columns.map(([to, ports, names]) => {
      const from = noBits(ends.length);
      for (const name of names) setBit(from, ends.indexOf(name));
      return { to: ends.indexOf(to), ports, from };
    }),
  };
}

function namesIn({ ends }: Matrix, bits: Bits): readonly string[] {
  return [...bitsIn(bits)].map((at) => ends[at] ?? '');
}

function matrix(policies: string): Matrix {
  return matrixOf(policyWorldOf(WORKLOADS + policies), SETTINGS);
}

const LET_IN = aNetworkPolicy(
  'a/p',
  '{ podSelector: { matchLabels: { app: web } }, ingress: [ { from: [ { podSelector: { matchLabels: { app: db } } } ], ports: [ { port: http }, { port: 90, endPort: 99 } ] } ] }',
);

test('matrixText() has a paragraph for each destination, and a line for ports that are alike', () => {
  assert.equal(
    all(matrixText(matrix(LET_IN), false)),
    `a/Deployment/web
  TCP 80 (http)  from a/Deployment/db
  TCP 81         from nobody
  TCP 90-99      from a/Deployment/db
  TCP other      from nobody
  UDP all        from nobody

a/Deployment/db
  TCP all        from everybody
  UDP all        from everybody

outside
  TCP all        from everybody
  UDP all        from everybody
`,
  );
});

test('matrixText() shortens long lists unless all is asked for', () => {
  const ends = Array.from({ length: 20 }, (_, i) => `w${i}`);
  const large = aMatrix(ends, [['w0', 'TCP all', ends.slice(0, 8)]]);
  const line = (isWide: boolean): string | undefined => all(matrixText(large, isWide)).split('\n')[1];
  assert.equal(line(false), '  TCP all  from w0, w1, w2, w3, w4, w5 and 2 more');
  assert.equal(line(true), '  TCP all  from w0, w1, w2, w3, w4, w5, w6, w7');
});

test('the matrix tells blocks that policies name from the rest outside', () => {
  const out = aNetworkPolicy(
    'a/p',
    '{ podSelector: { matchLabels: { app: web } }, policyTypes: [Egress], egress: [ { to: [ { ipBlock: { cidr: 203.0.113.0/24, except: [203.0.113.0/28] } } ], ports: [ { port: 443 } ] } ] }',
  );
  const found = matrix(out);
  const of = found.columns.filter(
    ({ from, ports }) => namesIn(found, from).includes('a/Deployment/web') && ports !== 'UDP all',
  );
  assert.deepEqual(found.ends, [
    'a/Deployment/web',
    'a/Deployment/db',
    'outside',
    '203.0.113.0/24',
    '203.0.113.0/28',
  ]);
  assert.deepEqual(
    of.map(({ to, ports }) => `${found.ends[to]} ${ports}`),
    ['203.0.113.0/24 TCP 443'],
  );
});

test('the matrix has no end for blocks of pods: these are ends already', () => {
  const policy = aNetworkPolicy(
    'a/p',
    '{ podSelector: {}, ingress: [ { from: [ { ipBlock: { cidr: 10.244.7.0/24 } } ] } ] }',
  );
  assert.deepEqual(matrix(policy).ends, ['a/Deployment/web', 'a/Deployment/db', 'outside']);
});

test('SCTP is shown where somebody speaks of it', () => {
  const found = matrix(
    aNetworkPolicy('a/p', '{ podSelector: {}, ingress: [ { ports: [ { port: 7, protocol: SCTP } ] } ] }'),
  );
  assert.deepEqual(
    found.columns
      .filter((it) => it.ports.startsWith('SCTP'))
      .map(({ to, ports, from }) => `${found.ends[to]} ${ports} ${namesIn(found, from).length}`),
    [
      'a/Deployment/web SCTP 7 3',
      'a/Deployment/web SCTP other 0',
      'a/Deployment/db SCTP 7 3',
      'a/Deployment/db SCTP other 0',
    ],
  );
});

test('matrixCsv() has a line for each pair and port', () => {
  const small = aMatrix(['a', 'b'], [['b', 'TCP 80,90-99', ['a']]]);
  assert.equal(
    all(matrixCsv(small)),
    'from,to,ports,verdict\r\na,b,"TCP 80,90-99",allow\r\nb,b,"TCP 80,90-99",deny\r\n',
  );
});

test('matrixMarkdown() has a column for each source', () => {
  const small = aMatrix(['a', 'b'], [['b', 'TCP 80', ['a']]]);
  assert.equal(
    all(matrixMarkdown(small)),
    '| to | ports | from a | from b |\n|---|---|---|---|\n| b | TCP 80 | ✓ | · |\n',
  );
});

test('matrixJson() is JSON, with names', () => {
  const small = aMatrix(
    ['a', 'b'],
    [
      ['a', 'TCP 80', []],
      ['b', 'TCP 80', ['a', 'b']],
    ],
  );
  assert.deepEqual(JSON.parse(all(matrixJson(small))), {
    ends: ['a', 'b'],
    columns: [
      { to: 'a', ports: 'TCP 80', from: [] },
      { to: 'b', ports: 'TCP 80', from: ['a', 'b'] },
    ],
  });
});
