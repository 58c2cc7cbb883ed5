// Black box over HTTP: tokens of service accounts, for whom they are, what ends them, and what the server says of them.

import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { after, before, test } from 'node:test';
import {
  ALICE,
  startTestServer,
  type Answer,
  type ApiClient,
  type Loose,
} from '../../../test/support/api-server.ts';

import { ServiceAccountTokens } from './service-account-tokens.ts';

const ACCOUNTS = '/api/v1/namespaces/default/serviceaccounts';
const PODS = '/api/v1/namespaces/default/pods';
const SECRETS = '/api/v1/namespaces/default/secrets';
const SELF = '/apis/authentication.k8s.io/v1/selfsubjectreviews';
const REVIEWS = '/apis/authentication.k8s.io/v1/tokenreviews';
const ISSUER = 'https://kubernetes.default.svc';

let client: ApiClient;
let stop: () => Promise<void>;

before(async () => {
  ({ client, stop } = await startTestServer());
  assert.equal((await client.post(ACCOUNTS, { metadata: { name: 'bot' } })).code, 201);
});
after(() => stop());

function request(spec: object, account = 'bot'): Promise<Answer> {
  return client.post(`${ACCOUNTS}/${account}/token`, { spec });
}

async function tokenFor(spec: object, account = 'bot'): Promise<string> {
  const { code, json } = await request(spec, account);
  assert.equal(code, 201, JSON.stringify(json));
  return json.status.token;
}

async function whoIs(token: string): Promise<Answer> {
  return client.call(SELF, { method: 'POST', body: {}, type: 'application/json', token });
}

async function review(token: string, audiences: readonly string[] = []): Promise<Loose> {
  return (await client.post(REVIEWS, { spec: { token, audiences } })).json.status;
}

async function aPod(name: string, more: object = {}): Promise<Loose> {
  const spec = { serviceAccountName: 'bot', containers: [{ name: 'main', image: 'busybox' }], ...more };
  const { code, json } = await client.post(PODS, { metadata: { name }, spec });
  assert.equal(code, 201, JSON.stringify(json));
  return json;
}

function boundTo(kind: string, name: string, uid?: string): object {
  return { boundObjectRef: { apiVersion: 'v1', kind, name, uid } };
}

test('a token is of its account, until that is gone or another one', async () => {
  await client.post(ACCOUNTS, { metadata: { name: 'short' } });
  const token = await tokenFor({}, 'short');
  const { userInfo } = (await whoIs(token)).json.status;
  assert.equal(userInfo.username, 'system:serviceaccount:default:short');
  assert.deepEqual(userInfo.groups, [
    'system:serviceaccounts',
    'system:serviceaccounts:default',
    'system:authenticated',
  ]);
  assert.match(userInfo.extra['authentication.kubernetes.io/credential-id'][0], /^JTI=[0-9a-f-]{36}$/);
  await client.delete(`${ACCOUNTS}/short`);
  assert.equal((await whoIs(token)).code, 401);
  await client.post(ACCOUNTS, { metadata: { name: 'short' } });
  assert.equal((await whoIs(token)).code, 401, 'another account of the name');
});

test('a token of a pod names it and its node, and ends with it', async () => {
  await client.post('/api/v1/nodes', { metadata: { name: 'a' } });
  const pod = await aPod('bound', { nodeName: 'a' });
  const token = await tokenFor(boundTo('Pod', 'bound', pod.metadata.uid));
  const { extra } = (await whoIs(token)).json.status.userInfo;
  assert.deepEqual(extra['authentication.kubernetes.io/pod-name'], ['bound']);
  assert.deepEqual(extra['authentication.kubernetes.io/pod-uid'], [pod.metadata.uid]);
  assert.deepEqual(extra['authentication.kubernetes.io/node-name'], ['a']);
  await client.delete(`${PODS}/bound`, { gracePeriodSeconds: 0 });
  assert.equal((await whoIs(token)).code, 401);
  assert.deepEqual(await review(token), { authenticated: false, error: 'invalid bearer token' });
});

test('a token of a secret or of a node ends with it', async () => {
  await client.post(SECRETS, { metadata: { name: 's' } });
  await client.post('/api/v1/nodes', { metadata: { name: 'b' } });
  for (const [kind, name, url] of [
    ['Secret', 's', `${SECRETS}/s`],
    ['Node', 'b', '/api/v1/nodes/b'],
  ] as const) {
    const token = await tokenFor(boundTo(kind, name));
    assert.equal((await whoIs(token)).code, 201, kind);
    await client.delete(url);
    assert.equal((await whoIs(token)).code, 401, kind);
  }
});

test('what a token cannot be bound to is refused', async () => {
  const pod = await aPod('there');
  await aPod('other', { serviceAccountName: 'default' });
  const rows: readonly (readonly [object, number, RegExp])[] = [
    [boundTo('Pod', 'nope'), 404, /^pods "nope" not found$/],
    [boundTo('Pod', 'there', 'wrong'), 409, /the UID in the bound object reference \(wrong\) does not match/],
    [
      boundTo('Pod', 'other'),
      400,
      /cannot bind token for serviceaccount "bot" to pod running with different serviceaccount name/,
    ],
    [boundTo('ConfigMap', 'x'), 400, /cannot bind token for object of type v1, Kind=ConfigMap/],
    [{ expirationSeconds: 599 }, 422, /may not specify a duration less than 10 minutes/],
    [{ expirationSeconds: 2 ** 33 }, 422, /may not specify a duration larger than 2\^32 seconds/],
  ];
  for (const [spec, code, message] of rows) {
    const { code: answered, json } = await request(spec);
    assert.equal(answered, code, JSON.stringify(spec));
    assert.match(json.message, message);
  }
  assert.equal((await request(boundTo('Pod', 'there', pod.metadata.uid))).code, 201);
});

test('a token for others says nothing here, and a review says for whom it is', async () => {
  const token = await tokenFor({ audiences: ['vault', 'bank'] });
  assert.equal((await whoIs(token)).code, 401);
  assert.equal((await review(token)).authenticated, false);
  assert.equal((await review(token, ['other'])).authenticated, false);
  const status = await review(token, ['bank', 'other']);
  assert.deepEqual([status.authenticated, status.audiences], [true, ['bank']]);
  assert.equal(status.user.username, 'system:serviceaccount:default:bot');
  assert.deepEqual((await review(await tokenFor({}))).audiences, [ISSUER]);
  const ofFile = await review(ALICE);
  assert.deepEqual([ofFile.user.username, ofFile.audiences], ['alice', [ISSUER]]);
  assert.equal((await review(ALICE, ['vault'])).authenticated, false);
});

test('a token that is known already ends in time, and others like it are not known', () => {
  const keys = (): ServiceAccountTokens =>
    new ServiceAccountTokens(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey);
  const tokens = keys();
  const of = (name: string): string => {
    const subject = { namespace: 'default', account: { name, uid: name }, bound: {} };
    return tokens.sign(subject, { nowMs: 0, lifetimeSeconds: 600, audiences: [ISSUER], id: name });
  };
  const token = of('bot');
  for (const nowMs of [0, 599_999]) assert.equal(tokens.verify(token, nowMs)?.account.name, 'bot');
  assert.equal(tokens.verify(token, 600_000), undefined, 'its time is over');
  const [header, , signature] = token.split('.');
  const [, claims] = of('admin').split('.');
  assert.equal(tokens.verify(`${header}.${claims}.${signature}`, 0), undefined, 'other claims');
  assert.equal(tokens.verify(`${header}.${claims}.${signature}`, 0), undefined, 'asked again');
  assert.equal(keys().verify(token, 0), undefined, 'another key');
  for (let i = 0; i < 1_100; i++) assert.equal(tokens.verify(of(`bot-${i}`), 0)?.account.name, `bot-${i}`);
  assert.equal(tokens.verify(token, 0)?.account.name, 'bot', 'one that was forgotten is read again');
});
