// What the audit log tells, and that its files stay bounded.

import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, suite, test } from 'node:test';
import { pino } from 'pino';
import { ALICE, startTestServer, type ApiClient, type Loose } from '../../../test/support/api-server.ts';
import { eventually } from '../../../test/support/eventually.ts';
import { ANONYMOUS } from '../access/authentication.ts';
import type { AuditFacts } from './audit-event.ts';
import { AuditLog } from './audit-log.ts';

const CONFIG_MAPS = '/api/v1/namespaces/default/configmaps';

const folder = mkdtempSync(path.join(tmpdir(), 't-audit-'));
after(() => rmSync(folder, { recursive: true }));

function eventsIn(file: string): readonly Loose[] {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '');
  return lines.map((line) => JSON.parse(line));
}

suite('events', () => {
  const file = path.join(folder, 'events.log');
  let client: ApiClient;
  let stop: () => Promise<void>;

  before(async () => {
    ({ client, stop } = await startTestServer({ audit: { file } }));
  });
  after(() => stop());

  /** The event of a request that came to `code`. */
  async function eventOf(verb: string, code: number): Promise<Loose> {
    let found: Loose;
    await eventually(() => {
      found = eventsIn(file).findLast((it) => it.verb === verb && it.responseStatus.code === code);
      return found !== undefined;
    });
    return found;
  }

  test('a write: who, what, from where, when, and by which right', async () => {
    await client.post(CONFIG_MAPS, { metadata: { generateName: 'made-' } });
    const event = await eventOf('create', 201);
    assert.match(event.objectRef.name, /^made-[a-z0-9]{5}$/);
    assert.match(event.requestReceivedTimestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
    const { auditID, objectRef, requestReceivedTimestamp, stageTimestamp, ...rest } = event;
    assert.ok(auditID !== '' && requestReceivedTimestamp <= stageTimestamp);
    assert.deepEqual(
      { ...objectRef, name: '', uid: '' },
      { resource: 'configmaps', namespace: 'default', name: '', uid: '', apiVersion: 'v1' },
    );
    assert.deepEqual(rest, {
      kind: 'Event',
      apiVersion: 'audit.k8s.io/v1',
      level: 'Metadata',
      stage: 'ResponseComplete',
      requestURI: CONFIG_MAPS,
      verb: 'create',
      user: { username: 'tester', uid: '1', groups: ['system:masters', 'testers', 'system:authenticated'] },
      sourceIPs: ['127.0.0.1'],
      responseStatus: { metadata: {}, code: 201 },
      annotations: { 'authorization.k8s.io/decision': 'allow', 'authorization.k8s.io/reason': '' },
    });
  });

  test('a refusal, also of reading, and of who is nobody', async () => {
    await client.call(CONFIG_MAPS, { token: ALICE });
    const { user, responseStatus, annotations } = await eventOf('list', 403);
    assert.equal(user.username, 'alice');
    assert.equal(responseStatus.reason, 'Forbidden');
    assert.match(responseStatus.message, /^configmaps is forbidden: /);
    assert.equal(annotations['authorization.k8s.io/decision'], 'forbid');
    await client.call(`${CONFIG_MAPS}?watch=1`, { token: 'wrong' });
    assert.deepEqual((await eventOf('watch', 401)).user, {});
  });

  test('for whom a request was made in another’s name', async () => {
    await client.call(`${CONFIG_MAPS}/x`, { method: 'DELETE', headers: { 'impersonate-user': 'carol' } });
    const { user, impersonatedUser } = await eventOf('delete', 403);
    assert.deepEqual([user.username, impersonatedUser.username], ['tester', 'carol']);
  });

  test('neither reading nor questions', async () => {
    await client.get(CONFIG_MAPS);
    await client.post('/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', {
      spec: { resourceAttributes: { verb: 'get', resource: 'pods' } },
    });
    await client.post(CONFIG_MAPS, { metadata: { name: 'last' } });
    await eventually(() => eventsIn(file).some((it) => it.objectRef?.name === 'last'));
    const told = eventsIn(file).filter((it) => it.responseStatus.code < 400);
    assert.deepEqual(new Set(told.map((it) => it.objectRef.resource)), new Set(['configmaps']));
    assert.deepEqual(new Set(told.map((it) => it.verb)), new Set(['create']));
  });
});

function facts(name: string): AuditFacts {
  const request = {
    method: 'POST',
    path: '/',
    query: new URLSearchParams(),
    headers: {},
    user: ANONYMOUS,
    readBody: () => Promise.resolve(Buffer.alloc(0)),
    signal: new AbortController().signal,
  };
  return {
    id: name,
    admission: { request, warnings: [], annotations: new Map() },
    url: '/',
    sourceIp: undefined,
    receivedMs: 0,
    answeredMs: 0,
    stage: 'ResponseComplete',
    code: 201,
    failure: undefined,
  };
}

const SILENT = pino({ level: 'silent' });

test('files are put aside at their size, the oldest goes, and no event is cut', async () => {
  const file = path.join(folder, 'rotated.log');
  const maxBytes = 2_000;
  for (const round of [0, 1]) {
    const log = new AuditLog({ file, maxBytes, maxFiles: 3 }, SILENT);
    for (let i = 0; i < 20; i++) log.record(facts(`${round * 20 + i}`));
    await log.close();
  }
  const names = readdirSync(folder).filter((it) => it.startsWith('rotated.log'));
  assert.deepEqual(names.sort(), ['rotated.log', 'rotated.log.1', 'rotated.log.2']);
  const files = [`${file}.2`, `${file}.1`, file];
  assert.ok(files.every((it) => statSync(it).size <= maxBytes));
  const ids = files.flatMap(eventsIn).map((it) => Number(it.auditID));
  assert.deepEqual(
    ids,
    ids.map((_, i) => 40 - ids.length + i),
  );
  assert.ok(ids.length > 10);
});

test('a disk that takes nothing stops nothing: what is lost is counted', async () => {
  const lines: string[] = [];
  const log = pino({}, { write: (line: string) => void lines.push(line) });
  const audit = new AuditLog({ file: path.join(folder, 'none', 'audit.log'), maxBytes: 1, maxFiles: 2 }, log);
  for (let i = 0; i < 10_005; i++) audit.record(facts(String(i)));
  await audit.close();
  const lost = lines.map((line) => JSON.parse(line) as { lost?: number }).flatMap((it) => it.lost ?? []);
  assert.deepEqual(lost, [10_005]);
});

test('what admission policies want told of a write, and which of them it broke', async () => {
  const file = path.join(folder, 'admission.log');
  const { client, stop } = await startTestServer({ audit: { file } });
  after(stop);
  const group = { apiVersion: 'admissionregistration.k8s.io/v1' };
  const kind = 'ValidatingAdmissionPolicy';
  const url = '/apis/admissionregistration.k8s.io/v1';
  const rules = { apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['secrets'] };
  const validations = [{ expression: 'false', message: 'told' }];
  const auditAnnotations = [
    { key: 'name', valueExpression: '"it is " + object.metadata.name' },
    { key: 'nothing', valueExpression: 'null' },
  ];
  const spec = { matchConstraints: { resourceRules: [rules] }, validations, auditAnnotations };
  await client.post(`${url}/validatingadmissionpolicies`, {
    ...group,
    kind,
    metadata: { name: 'p' },
    spec,
  });
  await client.post(`${url}/validatingadmissionpolicybindings`, {
    ...group,
    kind: `${kind}Binding`,
    metadata: { name: 'b' },
    spec: { policyName: 'p', validationActions: ['Audit'] },
  });
  const made = await client.post('/api/v1/namespaces/default/secrets', { metadata: { name: 'audited' } });
  assert.equal(made.code, 201);
  let event: Loose;
  await eventually(() => {
    event = eventsIn(file).find((it) => it.objectRef?.name === 'audited');
    return event !== undefined;
  });
  const { annotations } = event;
  assert.equal(annotations['p/name'], 'it is audited');
  assert.equal(annotations['p/nothing'], undefined);
  assert.equal(annotations['authorization.k8s.io/decision'], 'allow');
  assert.deepEqual(JSON.parse(annotations['validation.policy.admission.k8s.io/validation_failure']), [
    { message: 'told', policy: 'p', binding: 'b', validationActions: ['Audit'] },
  ]);
});
