// The compiled zone, as the DNS process looks names up in it, against the oracle: random objects, names that hit and names that just miss.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseCidr } from '../../src/base/cidr.ts';
import { parseIp } from '../../src/base/ip.ts';
import type { ClusterObjects } from '../../src/compile/cluster-objects.ts';
import { compileNames, NameCompiler } from '../../src/compile/names.ts';
import { ServiceInputs } from '../../src/compile/service-inputs.ts';
import { changeRequests } from '../../src/dns/feed-change.ts';
import { parseNameEntry } from '../../src/dns/zone-json.ts';
import { lookUp, type ZoneAnswer } from '../../src/dns/zone-lookup.ts';
import { ZoneState } from '../../src/dns/zone-state.ts';
import { nameEntryKey, type NameZone } from '../../src/model/names.ts';
import { parseEndpointSlice } from '../../src/objects/endpoint-slice.ts';
import { parseService } from '../../src/objects/service.ts';
import { allRecords, resolve, reverseName, type NameVerdict } from '../../src/oracle/resolve.ts';
import type { RawEndpointSlice, RawService, RawServiceObjects } from '../../src/oracle/raw-objects.ts';
import { TYPE } from '../../src/wire/dns/constants.ts';
import { changesBetween } from './slim-state.ts';
import { canonicalName, labelsOf, parseDnsName } from '../../src/wire/dns/name.ts';

const DOMAIN = 'cluster.local';
const SETTINGS = {
  domain: DOMAIN,
  prefixes: ['10.96.0.0/24', '10.244.0.0/22', 'fd00:10:244::/56'].map(parseCidr),
};
const RUNS = { numRuns: 300 };

const namespace = fc.constantFrom('shop', 'db');
const serviceNames = ['web', 'db', 'svc', 'pets'];
const portNames = ['http', 'dns'];
const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
const protocol = fc.constantFrom(undefined, 'TCP', 'UDP', 'SCTP');

function asJson<T>(value: unknown): T {
  // The shape is what the arbitraries below build; JSON only removes undefined fields.
  return JSON.parse(JSON.stringify(value)) as T;
}

const anyService: fc.Arbitrary<RawService> = fc
  .record({
    metadata: fc.record({ namespace, name: fc.constantFrom(...serviceNames) }),
    spec: fc.record({
      type: fc.constantFrom(undefined, 'ClusterIP', 'NodePort', 'ClusterIP', 'ExternalName'),
      externalName: fc.constantFrom('Example.org', 'web.shop.svc.cluster.local.'),
      clusterIPs: fc.oneof(
        fc.constant(['None']),
        fc.constant([]),
        fc.uniqueArray(fc.constantFrom('10.96.0.1', '10.96.0.2', 'fd00:10:96::1'), { maxLength: 2 }),
      ),
      publishNotReadyAddresses: fc.constantFrom(undefined, false, true),
      ports: fc.array(
        fc.record({
          name: maybe(fc.constantFrom(...portNames)),
          port: fc.constantFrom(53, 80),
          protocol,
        }),
        { maxLength: 3 },
      ),
    }),
  })
  .map(({ metadata, spec }) => asJson({ metadata, spec: { ...spec, clusterIP: spec.clusterIPs[0] ?? '' } }));

const condition = fc.constantFrom(undefined, null, true, false);

function anySlice(addressType: string, ips: readonly string[]): fc.Arbitrary<RawEndpointSlice> {
  const endpoint = fc.record({
    addresses: fc.uniqueArray(fc.constantFrom(...ips), { minLength: 1, maxLength: 2 }),
    hostname: fc.constantFrom(undefined, null, '', 'pet-0', 'pet-1', '_tcp'),
    conditions: maybe(fc.record({ ready: condition })),
  });
  return fc
    .record({
      metadata: fc.record({
        namespace,
        name: fc.constantFrom('s1', 's2', 's3', 's4', 's5'),
        labels: fc.constantFrom(...serviceNames).map((name) => ({ 'kubernetes.io/service-name': name })),
      }),
      addressType: fc.constant(addressType),
      ports: fc.array(
        fc.record({
          name: fc.constantFrom(undefined, null, '', ...portNames),
          port: fc.constantFrom(undefined, null, 8080, 5353),
          protocol: fc.constantFrom(undefined, null, 'TCP', 'UDP'),
        }),
        { maxLength: 2 },
      ),
      endpoints: fc.array(endpoint, { maxLength: 4 }),
    })
    .map((slice) => asJson(slice));
}

const keyOf = (it: { readonly metadata: { readonly namespace: string; readonly name: string } }): string =>
  `${it.metadata.namespace}/${it.metadata.name}`;

const anyObjects: fc.Arbitrary<RawServiceObjects> = fc.record({
  services: fc.uniqueArray(anyService, { selector: keyOf, maxLength: 6 }),
  endpointSlices: fc.uniqueArray(
    fc.oneof(
      // The last ones lie outside of every prefix.
      anySlice('IPv4', ['10.244.0.1', '10.244.1.1', '192.0.2.1']),
      anySlice('IPv6', ['fd00:10:244::1', 'fd00:10:244:0:0:0:0:2', '2001:db8::1']),
      anySlice('FQDN', ['10.244.0.1']),
    ),
    { selector: keyOf, maxLength: 8 },
  ),
});

function slimOf(raw: RawServiceObjects): ClusterObjects {
  return {
    nodes: new Map(),
    pods: new Map(),
    services: new Map(raw.services.map((it) => [keyOf(it), parseService(it)])),
    endpointSlices: new Map(raw.endpointSlices.map((it) => [keyOf(it), parseEndpointSlice(it)])),
  };
}

/** Names that exist, their parents and children, and names made of the same labels. */
function anyName(raw: RawServiceObjects): fc.Arbitrary<string> {
  const known = allRecords(raw, DOMAIN).map((record) => record.name);
  const label = fc.constantFrom(
    'svc',
    '_tcp',
    '_udp',
    '_http',
    'pet-0',
    '10-244-0-1',
    'x',
    ...serviceNames,
    'shop',
  );
  const addresses = ['10.96.0.1', '10.96.0.9', '10.244.0.1', '192.0.2.1', '2001:db8::1', 'fd00:10:244::1'];
  return fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom(...known) },
    { weight: 2, arbitrary: fc.constantFrom(...known).map((name) => name.slice(name.indexOf('.') + 1)) },
    { weight: 2, arbitrary: fc.tuple(label, fc.constantFrom(...known)).map((parts) => parts.join('.')) },
    {
      weight: 2,
      arbitrary: fc.array(label, { maxLength: 5 }).map((labels) => [...labels, DOMAIN].join('.')),
    },
    { weight: 2, arbitrary: fc.constantFrom(...addresses).map((ip) => reverseName(parseIp(ip))) },
    { weight: 1, arbitrary: fc.constantFrom('example.org', 'xcluster.local', 'local', 'shop.svc') },
  );
}

const TYPES = ['A', 'AAAA', 'SRV', 'PTR', 'TXT', 'CNAME'] as const;

interface Question {
  readonly raw: RawServiceObjects;
  readonly name: string;
  readonly type: (typeof TYPES)[number];
}

const anyQuestion: fc.Arbitrary<Question> = anyObjects.chain((raw) =>
  fc.record({
    raw: fc.constant(raw),
    name: anyName(raw).filter(isWholeName),
    type: fc.constantFrom(...TYPES),
  }),
);

/** Parts of reverse names are left out: the specification says nothing of them. */
function isWholeName(name: string): boolean {
  if (!name.endsWith('arpa')) return true;
  const labels = name.split('.').length;
  return name.endsWith('in-addr.arpa') ? labels === 6 : labels === 34;
}

function ask(zone: NameZone, name: string, type: (typeof TYPES)[number]): ZoneAnswer {
  const state = new ZoneState();
  state.replace(zone, 1);
  return lookUp(
    state.index,
    { domain: parseDnsName(DOMAIN), serverIps: [] },
    labelsOf(canonicalName(parseDnsName(name))),
    TYPE[type],
  );
}

/** In the oracle's words. */
function verdictOf(answer: ZoneAnswer): NameVerdict {
  if (answer.kind === 'outside') return { kind: 'outside' };
  if (answer.kind === 'no-name') return { kind: 'no-name' };
  if (answer.kind === 'alias') return { kind: 'alias', target: answer.target };
  if (answer.records.length === 0) return { kind: 'no-data' };
  const data = answer.records.map((record) => {
    switch (record.kind) {
      case 'a':
      case 'aaaa':
        return record.ip;
      case 'srv':
        return `${record.port} ${record.target}`;
      case 'txt':
        return record.strings.map((string) => Buffer.from(string).toString()).join('');
      case 'ptr':
        return record.target;
      default:
        throw new Error(`the zone has no ${record.kind} records here`);
    }
  });
  assert.equal(new Set(data).size, data.length, 'a record comes once');
  return { kind: 'records', data: new Set(data) };
}

test('the compiled zone answers what the oracle says', () => {
  fc.assert(
    fc.property(anyQuestion, ({ raw, name, type }) => {
      const zone = compileNames(slimOf(raw), { ...SETTINGS, hasPodRecords: false });
      assert.deepEqual(verdictOf(ask(zone, name, type)), resolve(raw, SETTINGS, name, type));
    }),
    { numRuns: 2000 },
  );
});

test('the case of the question changes nothing', () => {
  fc.assert(
    fc.property(anyQuestion, ({ raw, name, type }) => {
      const zone = compileNames(slimOf(raw), { ...SETTINGS, hasPodRecords: false });
      assert.deepEqual(ask(zone, name.toUpperCase(), type), ask(zone, name, type));
    }),
    RUNS,
  );
});

test('a compiler with a memory compiles what one without it does', () => {
  fc.assert(
    fc.property(fc.array(anyObjects, { minLength: 2, maxLength: 4 }), (states) => {
      const settings = { ...SETTINGS, hasPodRecords: false };
      const compiler = new NameCompiler(settings);
      const inputs = new ServiceInputs();
      let before: ClusterObjects | undefined;
      for (const raw of states) {
        const objects = slimOf(raw);
        const changed = before && changesBetween(before, objects);
        const services = inputs.update(objects, changed);
        const changes = changed && services && { objects: changed, services };
        before = objects;
        assert.deepEqual(compiler.compile(objects, inputs, changes), compileNames(objects, settings));
      }
    }),
    RUNS,
  );
});

test('an unchanged Service keeps its entry, so that the feed sends nothing for it', () => {
  fc.assert(
    fc.property(anyObjects, (raw) => {
      const objects = slimOf(raw);
      const compiler = new NameCompiler({ ...SETTINGS, hasPodRecords: false });
      const inputs = new ServiceInputs();
      inputs.update(objects, undefined);
      const [first, second] = [1, 2].map(() => compiler.compile(objects, inputs, undefined));
      assert.ok(first && second);
      for (const [key, entry] of first.entries) assert.equal(second.entries.get(key), entry);
      assert.deepEqual(
        [...changeRequests(first, second, 2)].map(({ kind }) => kind),
        ['begin', 'commit'],
      );
    }),
    RUNS,
  );
});

test('changes over the feed, in whatever order, end in the zone of the last state', () => {
  fc.assert(
    fc.property(fc.array(anyQuestion, { minLength: 2, maxLength: 5 }), (questions) => {
      const state = new ZoneState();
      let base: NameZone | undefined;
      for (const [revision, { raw }] of questions.entries()) {
        const next = compileNames(slimOf(raw), { ...SETTINGS, hasPodRecords: false });
        applyRequests(state, base, next, revision);
        base = next;
        for (const { name, type } of questions) {
          const identity = { domain: parseDnsName(DOMAIN), serverIps: [] };
          const labels = labelsOf(canonicalName(parseDnsName(name)));
          const got = verdictOf(lookUp(state.index, identity, labels, TYPE[type]));
          assert.deepEqual(got, resolve(raw, SETTINGS, name, type));
        }
      }
    }),
    RUNS,
  );
});

/** What the feed's two ends do, by way of JSON. */
function applyRequests(state: ZoneState, base: NameZone | undefined, next: NameZone, revision: number): void {
  const put: NameZone['entries'] extends ReadonlyMap<string, infer E> ? E[] : never = [];
  const deleted: string[] = [];
  for (const request of changeRequests(base, next, revision)) {
    if (request.kind === 'put') put.push(...request.entries.map((it) => parseNameEntry(asJson(it))));
    if (request.kind === 'delete') deleted.push(...request.keys);
  }
  if (base === undefined) {
    state.replace(
      { prefixes: next.prefixes, entries: new Map(put.map((it) => [nameEntryKey(it), it])) },
      revision,
    );
  } else state.change({ put, deleted, prefixes: next.prefixes, revision });
}
