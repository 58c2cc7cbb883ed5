import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { FairleadError } from '../base/errors.ts';
import { cniCodeOf } from './cni-error.ts';
import type { RawCniRequest } from './frames.ts';
import { configOf, parseCniRequest } from './request.ts';
import { CNI_VERSIONS } from './versions.ts';

const CONFIG = { cniVersion: '1.1.0', name: 'net', type: 'fairlead-cni', socket: '/x' };

function raw(change: Partial<RawCniRequest> & { readonly document?: unknown } = {}): RawCniRequest {
  const { document, ...fields } = change;
  return {
    command: 'ADD',
    containerId: 'c1',
    netns: '/run/netns/p',
    ifname: 'eth0',
    args: '',
    path: '/opt/cni/bin',
    netnsOverride: '',
    config: JSON.stringify(document ?? CONFIG),
    ...fields,
  };
}

function codeOf(it: RawCniRequest): { readonly code: number; readonly message: string } {
  try {
    parseCniRequest(it, configOf(it));
  } catch (error) {
    assert.ok(error instanceof FairleadError, String(error));
    return { code: cniCodeOf(error), message: error.message };
  }
  return { code: 0, message: '' };
}

interface Row {
  readonly name: string;
  readonly raw: RawCniRequest;
  readonly code: number;
  readonly message?: RegExp;
}

const ROWS: readonly Row[] = [
  { name: 'an ordinary ADD', raw: raw(), code: 0 },
  { name: 'a DEL without namespace', raw: raw({ command: 'DEL', netns: '' }), code: 0 },
  {
    name: 'a GC without container',
    raw: raw({ command: 'GC', containerId: '', ifname: '', netns: '' }),
    code: 0,
  },
  { name: 'a missing command', raw: raw({ command: '' }), code: 4, message: /CNI_COMMAND/ },
  { name: 'a command in lower case', raw: raw({ command: 'add' }), code: 4, message: /CNI_COMMAND/ },
  { name: 'no container', raw: raw({ containerId: '' }), code: 4, message: /CNI_CONTAINERID/ },
  {
    name: 'a container that starts with a dot',
    raw: raw({ containerId: '.x' }),
    code: 4,
    message: /CNI_CONTAINERID/,
  },
  { name: 'a container with a slash', raw: raw({ containerId: 'a/b' }), code: 4, message: /CNI_CONTAINERID/ },
  {
    name: 'a container too long',
    raw: raw({ containerId: 'a'.repeat(201) }),
    code: 4,
    message: /longer than 200/,
  },
  { name: 'no interface name', raw: raw({ ifname: '' }), code: 4, message: /CNI_IFNAME/ },
  {
    name: 'an interface name of 16 bytes',
    raw: raw({ ifname: 'e'.repeat(16) }),
    code: 4,
    message: /CNI_IFNAME/,
  },
  { name: 'an interface name of 15 bytes', raw: raw({ ifname: 'e'.repeat(15) }), code: 0 },
  { name: 'an interface name of dots', raw: raw({ ifname: '..' }), code: 4, message: /CNI_IFNAME/ },
  { name: 'an interface name with a slash', raw: raw({ ifname: 'a/b' }), code: 4, message: /CNI_IFNAME/ },
  { name: 'an interface name with a colon', raw: raw({ ifname: 'a:b' }), code: 4, message: /CNI_IFNAME/ },
  { name: 'an interface name with a space', raw: raw({ ifname: 'a b' }), code: 4, message: /CNI_IFNAME/ },
  { name: 'an ADD without namespace', raw: raw({ netns: '' }), code: 4, message: /CNI_NETNS/ },
  {
    name: 'a CHECK with a relative namespace',
    raw: raw({ command: 'CHECK', netns: 'x' }),
    code: 4,
    message: /CNI_NETNS/,
  },
  { name: 'arguments without "="', raw: raw({ args: 'A;B=1' }), code: 4, message: /CNI_ARGS/ },
  { name: 'no JSON', raw: raw({ config: '{' }), code: 6 },
  { name: 'a JSON list', raw: raw({ document: [] }), code: 7 },
  { name: 'no name', raw: raw({ document: { ...CONFIG, name: undefined } }), code: 7, message: /"name"/ },
  { name: 'a bad name', raw: raw({ document: { ...CONFIG, name: '/etc' } }), code: 7, message: /"name"/ },
  {
    name: 'an unknown version',
    raw: raw({ document: { ...CONFIG, cniVersion: '2.0.0' } }),
    code: 1,
    message: /2\.0\.0/,
  },
  { name: 'a version that is a number', raw: raw({ document: { ...CONFIG, cniVersion: 1 } }), code: 1 },
  {
    name: 'another IPAM',
    raw: raw({ document: { ...CONFIG, ipam: { type: 'dhcp' } } }),
    code: 2,
    message: /"ipam".*dhcp/,
  },
  { name: 'an empty IPAM', raw: raw({ document: { ...CONFIG, ipam: {} } }), code: 0 },
  {
    name: 'dns of another form',
    raw: raw({ document: { ...CONFIG, dns: { search: 'x' } } }),
    code: 7,
    message: /dns\.search/,
  },
  {
    name: 'a prevResult that is a text',
    raw: raw({ document: { ...CONFIG, prevResult: 'x' } }),
    code: 7,
    message: /prevResult/,
  },
  {
    name: 'a prevResult with a broken address',
    raw: raw({ document: { ...CONFIG, prevResult: { ips: [{ address: 5 }] } } }),
    code: 7,
    message: /prevResult\.ips\[\]\.address/,
  },
];

for (const row of ROWS) {
  test(`parseCniRequest(): ${row.name}: ${row.code === 0 ? 'taken' : `code ${row.code}`}`, () => {
    const { code, message } = codeOf(row.raw);
    assert.equal(code, row.code, message);
    if (row.message !== undefined) assert.match(message, row.message);
  });
}

test('every version is taken, and none means 0.1.0', () => {
  for (const cniVersion of CNI_VERSIONS) {
    assert.equal(configOf(raw({ document: { ...CONFIG, cniVersion } })).cniVersion, cniVersion);
  }
  assert.equal(configOf(raw({ document: { ...CONFIG, cniVersion: undefined } })).cniVersion, '0.1.0');
});

test('the pod is read from CNI_ARGS', () => {
  const it = raw({ args: 'IgnoreUnknown=1;K8S_POD_NAMESPACE=shop;K8S_POD_NAME=web-0;K8S_POD_UID=u=1' });
  const request = parseCniRequest(it, configOf(it));
  assert.deepEqual('pod' in request ? request.pod : undefined, {
    namespace: 'shop',
    name: 'web-0',
    uid: 'u=1',
  });
});

test('both spellings of the list of valid attachments are read', () => {
  for (const name of ['cni.dev/valid-attachments', 'cni.dev/attachments']) {
    const config = configOf(raw({ document: { ...CONFIG, [name]: [{ containerID: 'a', ifname: 'eth0' }] } }));
    assert.deepEqual(config.validAttachments, [{ containerId: 'a', ifname: 'eth0' }]);
  }
});

test('configOf() takes any JSON: a configuration or an error with a code of the specification', () => {
  const keys = fc.constantFrom(
    'cniVersion',
    'name',
    'ipam',
    'dns',
    'prevResult',
    'cni.dev/valid-attachments',
    'x',
  );
  const document = fc.oneof(fc.jsonValue(), fc.dictionary(keys, fc.jsonValue()));
  fc.assert(
    fc.property(document, (it) => {
      try {
        configOf(raw({ config: JSON.stringify({ ...CONFIG, ...(it as object) }) }));
      } catch (error) {
        assert.ok([1, 2, 6, 7].includes(cniCodeOf(error)), String(error));
      }
    }),
    { numRuns: 1000 },
  );
});
