// Black box: the kinds of the Gateway API, custom resources elsewhere, served here with the rules of their schemas.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startTestServer, type ApiClient } from '../../../test/support/api-server.ts';
import { textPlaces, WHOLE_SPECS, withText } from '../../../test/support/gateway-samples.ts';
import { parseBackendTlsPolicy } from '../../objects/gateway-api/backend-tls-policy.ts';
import { parseGateway, parseGatewayClass, parseListenerSet } from '../../objects/gateway-api/gateway.ts';
import { parseGrpcRoute } from '../../objects/gateway-api/grpc-route.ts';
import { parseHttpRoute } from '../../objects/gateway-api/http-route.ts';
import { parseReferenceGrant } from '../../objects/gateway-api/reference-grant.ts';
import { parseTcpRoute, parseTlsRoute, parseUdpRoute } from '../../objects/gateway-api/stream-route.ts';

let client: ApiClient;
let stop: () => Promise<void>;

before(async () => {
  ({ client, stop } = await startTestServer());
});
after(() => stop());

const GROUP = '/apis/gateway.networking.k8s.io';
const PARSERS: Readonly<Record<string, (raw: unknown) => { readonly name: string }>> = {
  GatewayClass: parseGatewayClass,
  Gateway: parseGateway,
  ListenerSet: parseListenerSet,
  HTTPRoute: parseHttpRoute,
  GRPCRoute: parseGrpcRoute,
  TLSRoute: parseTlsRoute,
  TCPRoute: parseTcpRoute,
  UDPRoute: parseUdpRoute,
  ReferenceGrant: parseReferenceGrant,
  BackendTLSPolicy: parseBackendTlsPolicy,
};
const ROUTES = `${GROUP}/v1/namespaces/default/httproutes`;

interface Listed {
  readonly name: string;
  readonly shortNames?: readonly string[];
  readonly namespaced: boolean;
  readonly categories?: readonly string[];
}

test('the group is discovered with its versions, kinds, short names and category', async () => {
  const group = await client.get(GROUP);
  assert.deepEqual(
    group.json.versions.map((it: { version: string }) => it.version),
    ['v1', 'v1beta1', 'v1alpha3', 'v1alpha2'],
  );
  assert.equal(group.json.preferredVersion.version, 'v1');
  const { json } = await client.get('/apis');
  const named = json.groups.filter((it: { name: string }) => it.name === 'gateway.networking.k8s.io');
  assert.equal(named.length, 1);

  const listed: readonly Listed[] = (await client.get(`${GROUP}/v1`)).json.resources;
  assert.deepEqual(
    listed
      .filter(({ name }) => !name.includes('/'))
      .map(({ name, shortNames, namespaced, categories }) => [name, shortNames?.[0], namespaced, categories]),
    [
      ['gatewayclasses', 'gc', false, ['gateway-api']],
      ['gateways', 'gtw', true, ['gateway-api']],
      ['httproutes', undefined, true, ['gateway-api']],
      ['grpcroutes', undefined, true, ['gateway-api']],
      ['tlsroutes', undefined, true, ['gateway-api']],
      ['tcproutes', undefined, true, ['gateway-api']],
      ['udproutes', undefined, true, ['gateway-api']],
      ['referencegrants', 'refgrant', true, ['gateway-api']],
      ['backendtlspolicies', 'btlspolicy', true, ['gateway-api']],
      ['listenersets', 'lset', true, ['gateway-api']],
    ],
  );
  const withStatus = listed.filter(({ name }) => name.endsWith('/status')).length;
  assert.equal(withStatus, 9, 'all but ReferenceGrants');
});

test('an object is one in every version of its kind', async () => {
  const older = `${GROUP}/v1beta1/namespaces/default/httproutes`;
  const watched = client.watch(`${older}?watch=true&timeoutSeconds=30`);
  const made = await client.post(older, {
    apiVersion: 'gateway.networking.k8s.io/v1beta1',
    kind: 'HTTPRoute',
    metadata: { name: 'both' },
    spec: { hostnames: ['a.example.com'] },
  });
  assert.deepEqual([made.code, made.json.apiVersion], [201, 'gateway.networking.k8s.io/v1beta1'], made.text);
  const event = await watched.next();
  watched.close();
  assert.deepEqual([event?.type, event?.object['apiVersion']], ['ADDED', made.json.apiVersion]);
  const newer = await client.get(`${ROUTES}/both`);
  assert.deepEqual(
    [newer.json.apiVersion, newer.json.metadata.uid],
    ['gateway.networking.k8s.io/v1', made.json.metadata.uid],
  );
  const patched = await client.patch(`${older}/both`, { spec: { hostnames: ['b.example.com'] } });
  assert.deepEqual([patched.json.apiVersion, patched.json.metadata.generation], [made.json.apiVersion, 2]);
  const list = await client.get(ROUTES);
  assert.deepEqual(
    list.json.items.map((it: { apiVersion: string; spec: { hostnames: string[] } }) => [
      it.apiVersion,
      it.spec.hostnames[0],
    ]),
    [['gateway.networking.k8s.io/v1', 'b.example.com']],
  );
});

/** "HTTPRoute" -> where its objects are. */
function collectionOf(kind: string): string {
  const plural = kind === 'BackendTLSPolicy' ? 'backendtlspolicies' : kind.toLowerCase();
  const name = plural.endsWith('ss') ? `${plural}es` : plural.endsWith('s') ? plural : `${plural}s`;
  return kind === 'GatewayClass' ? `${GROUP}/v1/${name}` : `${GROUP}/v1/namespaces/default/${name}`;
}

for (const [kind, spec] of Object.entries(WHOLE_SPECS)) {
  test(`a ${kind} with everything in it is kept as it is and read by its parser`, async () => {
    const made = await client.post(`${collectionOf(kind)}?fieldValidation=Strict`, {
      metadata: { name: 'whole' },
      spec,
    });
    assert.equal(made.code, 201, made.text);
    const kept: unknown = made.json.spec;
    assert.deepEqual(kept, JSON.parse(JSON.stringify(spec)));
    assert.equal(PARSERS[kind]?.(made.json).name, 'whole');
  });
}

const WAITING = {
  status: 'Unknown',
  message: 'Waiting for controller',
  lastTransitionTime: '1970-01-01T00:00:00Z',
};

test('what is left out stands in the object, and what no controller has seen says so', async () => {
  const route = await client.post(ROUTES, {
    metadata: { name: 'least' },
    spec: { parentRefs: [{ name: 'public' }], rules: [{ backendRefs: [{ name: 'web', port: 80 }] }] },
  });
  assert.deepEqual(route.json.spec, {
    parentRefs: [{ group: 'gateway.networking.k8s.io', kind: 'Gateway', name: 'public' }],
    rules: [
      {
        matches: [{ path: { type: 'PathPrefix', value: '/' } }],
        backendRefs: [{ group: '', kind: 'Service', name: 'web', port: 80, weight: 1 }],
      },
    ],
  });
  assert.equal(route.json.status, undefined);
  const gatewayClass = await client.post(collectionOf('GatewayClass'), {
    metadata: { name: 'least' },
    spec: { controllerName: 'example.com/c' },
  });
  assert.deepEqual(gatewayClass.json.status.conditions, [
    { type: 'Accepted', reason: 'Pending', ...WAITING },
  ]);
  const gateway = await client.post(collectionOf('Gateway'), {
    metadata: { name: 'least' },
    spec: {
      gatewayClassName: 'a',
      listeners: [{ name: 'a', port: 443, protocol: 'HTTPS', tls: { certificateRefs: [{ name: 'b' }] } }],
    },
    status: { conditions: [] },
  });
  assert.deepEqual(gateway.json.spec.listeners, [
    {
      name: 'a',
      port: 443,
      protocol: 'HTTPS',
      tls: { mode: 'Terminate', certificateRefs: [{ group: '', kind: 'Secret', name: 'b' }] },
      allowedRoutes: { namespaces: { from: 'Same' } },
    },
  ]);
  assert.deepEqual(gateway.json.status.conditions, [
    { type: 'Accepted', reason: 'Pending', ...WAITING },
    { type: 'Programmed', reason: 'Pending', ...WAITING },
  ]);
});

test('status is written apart and shown in columns', async () => {
  const condition = (type: string): object => ({
    ...WAITING,
    type,
    status: 'True',
    reason: type,
    observedGeneration: 1,
  });
  const shown = async (kind: string, status: object, name = 'whole'): Promise<string> => {
    const object = `${collectionOf(kind)}/${name}`;
    const written = await client.patch(`${object}/status`, { status, spec: {} });
    assert.deepEqual([written.code, written.json.metadata.generation], [200, 1], written.text);
    const { json } = await client.get(object, 'application/json;as=Table;v=v1;g=meta.k8s.io');
    const names: readonly string[] = json.columnDefinitions.map((it: { name: string }) => it.name);
    return names.map((it, i) => (it === 'Age' ? it : `${it}=${json.rows[0].cells[i]}`)).join(' ');
  };
  const addresses = [{ type: 'IPAddress', value: '192.0.2.1' }, { value: '192.0.2.2' }];
  const both = { conditions: [condition('Accepted'), condition('Programmed')] };
  assert.equal(
    await shown('Gateway', { ...both, addresses }),
    'Name=whole Class=fairlead Address=192.0.2.1 Programmed=True Age',
  );
  assert.equal(await shown('ListenerSet', both), 'Name=whole Accepted=True Programmed=True Age');
  assert.equal(
    await shown('GatewayClass', { conditions: [condition('Accepted')] }),
    `Name=whole Controller=fairlead.dev/gateway Accepted=True Age Description=${'d'.repeat(64)}`,
  );
  const parents = [
    { parentRef: { name: 'public' }, controllerName: 'a.b/c', conditions: [condition('Accepted')] },
  ];
  assert.equal(
    await shown('HTTPRoute', { parents }),
    'Name=whole Hostnames=["a.example.com","*.example.org"] Age',
  );
  assert.equal(await shown('HTTPRoute', { parents }, 'least'), 'Name=least Hostnames= Age');
  assert.equal(await shown('TCPRoute', { parents }), 'Name=whole Age');
});

test('what breaks a rule is refused with the words of the rule, at an update too', async () => {
  const answer = await client.patch(`${ROUTES}/least`, {
    spec: { rules: [{ filters: [{ type: 'URLRewrite' }] }] },
  });
  assert.deepEqual(
    [answer.code, answer.json.details.causes],
    [
      422,
      [
        {
          reason: 'FieldValueInvalid',
          field: 'spec.rules[0].filters[0]',
          message: 'Invalid value: "object": filter.urlRewrite must be specified for URLRewrite filter.type',
        },
      ],
    ],
    answer.text,
  );
  const moved = await client.patch(`${collectionOf('GatewayClass')}/whole`, {
    spec: { controllerName: 'a.b/c' },
  });
  assert.equal(moved.json.details.causes[0].message, 'Invalid value: "string": Value is immutable');
});

for (const [kind, spec] of Object.entries(WHOLE_SPECS)) {
  test(`a text of lines and ends in a ${kind} is refused or kept as it came`, async () => {
    const codes = new Set<number>();
    for (const at of textPlaces(spec)) {
      const odd = withText(spec, at, 'a\r\nb\0c');
      const url = `${collectionOf(kind)}?dryRun=All`;
      const { code, json, text } = await client.post(url, { metadata: { name: 'odd' }, spec: odd });
      codes.add(code);
      if (code === 422) continue;
      assert.equal(code, 201, text);
      const kept: unknown = json.spec;
      assert.deepEqual(kept, JSON.parse(JSON.stringify(odd)), at.join('.'));
    }
    assert.deepEqual(codes, new Set([422, 201]));
  });
}

test('every version of the group has its document, with the fields of the kinds', async () => {
  for (const version of ['v1', 'v1beta1', 'v1alpha3', 'v1alpha2']) {
    const { json } = await client.get(`/openapi/v3/apis/gateway.networking.k8s.io/${version}`);
    const route = json.components.schemas['io.k8s.networking.gateway.v1.TLSRouteSpec'];
    assert.equal(route?.properties.hostnames.type, version === 'v1beta1' ? undefined : 'array', version);
  }
});
