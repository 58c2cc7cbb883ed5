// Every door that takes a document from elsewhere: what is wrong is refused as invalid, in words, never by a stray exception.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { FairleadError } from '../../src/base/errors.ts';
import { parseDnsConfig } from '../../src/dns/config.ts';
import { parseFeedReply, parseFeedRequest } from '../../src/dns/feed-protocol.ts';
import { lookUpHosts, parseHosts } from '../../src/dns/hosts-file.ts';
import { JsonFramer } from '../../src/dns/json-frames.ts';
import { parseLearnReply, parseLearnRequest } from '../../src/dns/learn-protocol.ts';
import { parseResolvConf } from '../../src/dns/resolv-conf.ts';
import { readZoneFile } from '../../src/dns/zone-file.ts';
import { parseCriLine } from '../../src/lab/kubelet/log-reader.ts';
import { readManifests } from '../../src/lab/manifests/read-manifests.ts';
import {
  parseDialRequest,
  parseProbeRequest,
  parseWorkloadSpec,
} from '../../src/lab/workload/parse-control.ts';
import { parseEndpointSlice } from '../../src/objects/endpoint-slice.ts';
import { parseLabelSelector, parseFieldSelector } from '../../src/objects/meta.ts';
import { parseNode } from '../../src/objects/node.ts';
import { parsePod } from '../../src/objects/pod.ts';
import { parseService } from '../../src/objects/service.ts';
import { labelsOf } from '../../src/wire/dns/name.ts';
import { damagedJson, damagedText } from '../support/damaged.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 't-fuzz-doors-'));
after(() => rmSync(folder, { recursive: true }));

/** Refusals are errors of ours that blame the input, short enough to be shown. */
function isRefusal(error: unknown): boolean {
  return error instanceof FairleadError && error.code === 'invalid' && error.message.length < 4000;
}

function takesOrRefuses(read: () => unknown): void {
  try {
    read();
  } catch (error) {
    if (!isRefusal(error)) throw error;
  }
}

const WORKLOAD = {
  podUid: 'u',
  container: 'c',
  attempt: 0,
  netns: '/run/netns/x',
  facts: {
    namespace: 'n',
    pod: 'p',
    hostname: 'p',
    node: 'a',
    container: 'c',
    image: 'i',
    ips: ['10.0.0.1'],
  },
  program: { kind: 'agnhost', command: 'netexec', args: ['--http-port=80'] },
  ports: [{ name: 'http', port: 80, protocol: 'TCP' }],
  env: { A: 'b' },
  mounts: [{ source: '/a', target: '/b' }],
  resolvConf: '/r',
  hosts: '/h',
  log: '/l',
};
const PROBE = {
  kind: 'http',
  host: '10.0.0.1',
  port: 80,
  timeoutMs: 10,
  scheme: 'HTTP',
  path: '/',
  headers: [['a', 'b']],
};
const DIAL = {
  netns: '/n',
  resolvConf: '/r',
  hosts: '/h',
  timeoutMs: 5,
  targets: [{ host: 'a', port: 1, protocol: 'TCP' }],
};

for (const { name, good, read } of [
  { name: 'parseWorkloadSpec()', good: WORKLOAD, read: parseWorkloadSpec },
  { name: 'parseProbeRequest()', good: PROBE, read: parseProbeRequest },
  { name: 'parseDialRequest()', good: DIAL, read: parseDialRequest },
]) {
  test(`${name} takes or refuses any text`, () => {
    read(JSON.stringify(good));
    const damaged = damagedJson(good).map((it) => JSON.stringify(it) ?? '');
    fc.assert(
      fc.property(fc.oneof(damaged, damagedText(JSON.stringify(good))), (text) =>
        takesOrRefuses(() => read(text)),
      ),
      {
        numRuns: 1000,
      },
    );
  });
}

const META = { name: 'web', namespace: 'shop', uid: 'u', labels: { a: 'b' }, resourceVersion: '1' };
const OBJECTS: readonly { name: string; good: unknown; read: (raw: unknown) => unknown }[] = [
  {
    name: 'parseService()',
    read: parseService,
    good: {
      metadata: META,
      spec: {
        clusterIPs: ['10.96.0.1', 'fd00::1'],
        type: 'ClusterIP',
        ports: [{ name: 'http', port: 80, targetPort: 'http', protocol: 'TCP', nodePort: 30000 }],
        sessionAffinity: 'ClientIP',
        sessionAffinityConfig: { clientIP: { timeoutSeconds: 5 } },
        ipFamilies: ['IPv4'],
        externalName: 'a.b',
        internalTrafficPolicy: 'Local',
      },
    },
  },
  {
    name: 'parseEndpointSlice()',
    read: parseEndpointSlice,
    good: {
      metadata: { ...META, labels: { 'kubernetes.io/service-name': 'web' } },
      addressType: 'IPv4',
      endpoints: [
        {
          addresses: ['10.0.0.1'],
          conditions: { ready: true, serving: true },
          nodeName: 'a',
          hostname: 'h',
          targetRef: { kind: 'Pod', name: 'p' },
        },
      ],
      ports: [{ name: 'http', port: 80, protocol: 'TCP', appProtocol: 'x' }],
    },
  },
  {
    name: 'parseNode()',
    read: parseNode,
    good: {
      metadata: META,
      spec: { podCIDRs: ['10.0.0.0/24'] },
      status: { addresses: [{ type: 'InternalIP', address: '10.1.0.1' }] },
    },
  },
  {
    name: 'parsePod()',
    read: parsePod,
    good: {
      metadata: META,
      spec: { nodeName: 'a', hostNetwork: false, containers: [{ name: 'c', ports: [{ containerPort: 1 }] }] },
      status: { phase: 'Running', podIPs: [{ ip: '10.0.0.1' }] },
    },
  },
  {
    name: 'parseFeedRequest()',
    read: parseFeedRequest,
    good: {
      kind: 'put',
      entries: [
        {
          kind: 'headless',
          namespace: 'n',
          service: 's',
          endpoints: [{ ip: '10.0.0.1', hostname: 'h', ports: [{ name: 'p', port: 1, protocol: 'UDP' }] }],
        },
      ],
    },
  },
  {
    name: 'parseFeedRequest(), search lists',
    read: parseFeedRequest,
    good: {
      kind: 'complete',
      lists: [{ searches: ['shop.svc.cluster.local', 'cluster.local'], ips: ['10.244.1.7', 'fd00::7'] }],
    },
  },
  { name: 'parseFeedReply()', read: parseFeedReply, good: { kind: 'welcome', version: 1 } },
  {
    name: 'parseLearnRequest()',
    read: parseLearnRequest,
    good: { kind: 'watch', revision: 1, graceMs: 60_000, patterns: ['www.example.com', '*.example.com'] },
  },
  {
    name: 'parseLearnReply()',
    read: parseLearnReply,
    good: { kind: 'answer', id: 1, name: 'www.example.com', addresses: [{ ip: '192.0.2.1', ttlS: 30 }] },
  },
  {
    name: 'parseDnsConfig()',
    read: parseDnsConfig,
    good: {
      listen: ['10.96.0.10'],
      zoneFile: '/z',
      feedSocket: '/f',
      clusterDomain: 'cluster.local',
      forward: [
        {
          zone: 'corp.example',
          upstreams: ['tls://192.0.2.1'],
          except: ['a.corp.example'],
          tlsServerName: 'a',
        },
        { zone: '.', upstreams: ['192.0.2.1:53'], policy: 'sequential', maxFails: 2, healthCheckMs: 500 },
      ],
      cache: { success: { minS: 1, maxS: 5 }, prefetch: { amount: 3 }, serveStale: { mode: 'verify' } },
      overrides: [
        {
          zone: '.',
          rewrite: [
            { match: 'regex', from: '(a+)b', to: '{1}', answers: [{ from: 'a', to: 'b' }], continues: true },
            { match: 'suffix', from: '.a', ttlS: [1, 2] },
          ],
          hosts: { zones: ['a'], lines: ['192.0.2.1 a'], ttlS: 5, fallthrough: ['.'] },
        },
      ],
    },
  },
];
for (const { name, good, read } of OBJECTS) {
  test(`${name} takes or refuses any value`, () => {
    read(good);
    fc.assert(
      fc.property(damagedJson(good), (value) => takesOrRefuses(() => read(value))),
      { numRuns: 1000 },
    );
  });
}

test('parseHosts() takes any text, and what it takes can be looked up', () => {
  const good = '192.0.2.1 a.example b # c\nfd00::1\ta.example *.b.example\n';
  fc.assert(
    fc.property(fc.oneof(damagedText(good, 4), fc.string({ unit: 'binary' })), (text) => {
      const table = parseHosts(text);
      for (const [name, ips] of table.ips) {
        const found = [1, 28].flatMap((type) => lookUpHosts(table, labelsOf(name), type) ?? []);
        assert.equal(found.length, ips.length, name);
      }
    }),
    { numRuns: 500 },
  );
});

const MANIFEST = `apiVersion: v1
kind: List
items:
- &x
  apiVersion: v1
  kind: Service
  metadata: {name: web, labels: {a: b}}
  spec:
    ports: [{port: 80}, *x]
---
apiVersion: v1
kind: Pod
metadata:
  name: p
`;

test('readManifests() takes or refuses any text, and finds a line for every field', () => {
  const field = fc.constantFrom(
    'spec.ports[0].port',
    'metadata.name',
    'items[0].kind',
    'a[[',
    '',
    '0',
    'spec.ports[9999]',
  );
  fc.assert(
    fc.property(fc.oneof(damagedText(MANIFEST, 5), fc.string({ unit: 'binary' })), field, (text, name) =>
      takesOrRefuses(() => {
        const lines = text.split('\n').length;
        const { manifests, complaints } = readManifests('f', text);
        for (const line of [...manifests.map((it) => it.lineOf(name)), ...complaints.map((it) => it.line)])
          assert.ok(line !== undefined && line >= 1 && line <= lines + 1);
      }),
    ),
    { numRuns: 500 },
  );
});

const ZONE = [
  { format: 'fairlead-zone/1', revision: 3, prefixes: ['10.96.0.0/16'] },
  {
    kind: 'cluster-ip',
    namespace: 'n',
    service: 's',
    ips: ['10.96.0.2'],
    ports: [{ name: 'http', port: 80, protocol: 'TCP' }],
  },
  { kind: 'external', namespace: 'n', service: 'e', target: 'example.com' },
  { kind: 'pod', namespace: 'n', ip: '10.0.0.1' },
  { end: 3 },
]
  .map((line) => JSON.stringify(line))
  .join('\n');

test('readZoneFile() takes or refuses any file, and takes none that was cut', async () => {
  const file = path.join(folder, 'zone');
  const read = (text: string): Promise<unknown> => {
    writeFileSync(file, text);
    return readZoneFile(file);
  };
  await read(`${ZONE}\n`);
  await fc.assert(
    fc.asyncProperty(damagedText(ZONE), async (text) => {
      await read(text).catch((error: unknown) => assert.ok(isRefusal(error), String(error)));
    }),
    { numRuns: 200 },
  );
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 0, max: ZONE.length - 1 }), (length) =>
      assert.rejects(read(ZONE.slice(0, length)), isRefusal),
    ),
    { numRuns: 100 },
  );
});

test('JsonFramer takes or refuses any octets in any pieces', () => {
  const frame = (text: string): Buffer => {
    const body = Buffer.from(text);
    const head = Buffer.alloc(4);
    head.writeUInt32BE(body.length);
    return Buffer.concat([head, body]);
  };
  const pieces = fc.array(
    fc.oneof(
      fc.uint8Array({ maxLength: 20 }).map((it) => Buffer.from(it)),
      damagedText('{"kind":"hello"}', 1).map(frame),
    ),
  );
  fc.assert(
    fc.property(pieces, (chunks) => {
      const framer = new JsonFramer();
      takesOrRefuses(() => chunks.forEach((chunk) => framer.push(chunk)));
    }),
    { numRuns: 500 },
  );
});

test('selectors, resolv.conf and log lines of any text are read or refused', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    damagedText('a in (b, c),!d,e!=f,g notin (h)'),
    damagedText('search a b\nnameserver 10.0.0.1\nnameserver fe80::1%eth0\noptions ndots:5\n'),
    damagedText('2026-01-01T00:00:00Z stdout F hello'),
  );
  fc.assert(
    fc.property(text, (it) => {
      takesOrRefuses(() => parseLabelSelector(it));
      takesOrRefuses(() => parseFieldSelector(it));
      parseResolvConf(it);
      parseCriLine(it);
    }),
    { numRuns: 1000 },
  );
});
