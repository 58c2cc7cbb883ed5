// Whatever stands in the strings of a model, the lines that HAProxy reads are as many as without it and hold nothing but what they may.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseIp } from '../base/ip.ts';
import { parsePort } from '../base/port.ts';
import type { ProxyFilter, ProxyModel } from '../model/gateway.ts';
import { planSlots } from './backend-slots.ts';
import { renderDesired, type DesiredProxy } from './desired.ts';
import { mapChanges, mapCommands } from './map-commands.ts';
import { BUFFER_BYTES } from './proxy-place.ts';
import { MAP_NAMES } from './map-lines.ts';
import { renderUdp, udpScript } from './udp-table.ts';

const HOSTILE = [
  '\r\n',
  '\n\n',
  '\0',
  '"',
  "'",
  ' ',
  '{',
  '}',
  '\\',
  '%',
  '#',
  ';',
  '<<',
  '\n  server evil 192.0.2.1:80',
  'x'.repeat(65_536),
];
const PLACE = {
  folder: '/run/proxy',
  addresses: [parseIp('0.0.0.0')],
  threads: 1,
  metrics: { ip: '127.0.0.1', port: 1 },
  namesServer: true,
};

/** Every string of the model is `text`, behind what makes it pass where a slash is looked for. */
function modelOf(text: string): ProxyModel {
  const matches = [{ type: 'exact', name: text, value: text }, { type: 'regex', name: text, value: text }] as const; // prettier-ignore
  const path = { type: 'prefix', value: `/${text}` } as const;
  const headers = { set: [{ name: text, value: text }], add: [{ name: 'x', value: text }], remove: [text] };
  const filters: readonly ProxyFilter[] = [
    { kind: 'request-headers', ...headers },
    { kind: 'response-headers', ...headers },
    { kind: 'redirect', scheme: text, hostname: text, port: undefined, path, statusCode: 302 },
    { kind: 'rewrite', hostname: text, path },
    { kind: 'cors', allowOrigins: [text], allowCredentials: true, allowMethods: [text], allowHeaders: [text], exposeHeaders: [text], maxAgeS: 1 }, // prettier-ignore
  ];
  const entries = (['exact', 'prefix', 'regex'] as const).map((type) => ({
    path: { type, value: `/${text}` },
    method: text,
    headers: matches,
    query: matches,
    rule: text,
  }));
  const hosts = [text, undefined].map((hostname) => ({ hostname, isOneLabel: false, entries }));
  const weighted = [{ backend: text, weight: 1, filters }];
  const streams = [{ hostname: text, target: { id: text, backends: weighted } }];
  const tls = { certificates: [text], clientValidation: { authorities: [text], isRequired: true } };
  const named = { id: text, hostname: text };
  const backendTls = { isVerified: true, hostname: text, authorities: [text], clientCertificate: text }; // prettier-ignore
  const endpoints = [{ ip: parseIp('192.0.2.1'), port: parsePort(80) }];
  return {
    udpPorts: [{ ...named, port: parsePort(53), target: { id: text, backends: weighted } }],
    ports: [
      {
        kind: 'http',
        port: parsePort(80),
        listeners: [
          { ...named, hosts },
          { ...named, hostname: undefined, hosts },
        ],
      },
      { kind: 'tls', port: parsePort(443), listeners: [{ ...named, kind: 'https', tls, hosts }, { ...named, kind: 'tls-pass', hosts: streams }, { ...named, kind: 'tls-end', tls, hosts: streams }] }, // prettier-ignore
      { kind: 'tcp', port: parsePort(9), ...named, target: { id: text, backends: weighted } },
    ],
    rules: new Map([[text, { id: text, isGrpc: false, filters, backends: weighted, requestTimeoutMs: 1, backendTimeoutMs: 1 }]]), // prettier-ignore
    backends: new Map([[text, { id: text, protocol: 'http', tls: backendTls, retry: { attempts: 1, codes: [500] }, persistence: { type: 'cookie', name: text, absoluteTimeoutMs: undefined, cookieLifetime: 'session' }, endpoints }]]), // prettier-ignore
    certificates: new Map([[text, { id: text, pem: text, names: [text] }]]),
    authorities: new Map([[text, text]]),
    telemetry: 'access-log',
  };
}

function desiredOf(model: ProxyModel): DesiredProxy {
  const { slots } = planSlots([], model.backends);
  return renderDesired({
    model,
    slots,
    place: PLACE,
    lua: '',
    usable: (_path, { pem }) => (pem === '' ? undefined : pem),
  });
}

const configOf = ({ structure }: DesiredProxy): string =>
  structure.text(new Map()).replaceAll(/fairlead-[0-9a-f]+/g, '');

test('the configuration is the same whatever the strings of a model are', () => {
  const harmless = configOf(desiredOf(modelOf('harm less')));
  for (const text of HOSTILE) assert.equal(configOf(desiredOf(modelOf(text))), harmless);
});

test('the table for UDP is the same whatever the strings of a model are', () => {
  const harmless = udpScript(renderUdp(modelOf('harmless')) ?? []);
  assert.match(harmless, /192\.0\.2\.1/);
  for (const text of HOSTILE) assert.equal(udpScript(renderUdp(modelOf(text)) ?? []), harmless);
});

test('maps have lines of two plain words, and their commands fit the buffer', () => {
  for (const text of HOSTILE) {
    const { maps } = desiredOf(modelOf(text));
    for (const name of MAP_NAMES) {
      for (const [key, value] of maps[name]) {
        assert.match(key, /^[!-~]+$/);
        assert.match(value, /^[!-~]+$/);
      }
      const { set } = mapChanges(new Map(), maps[name]);
      for (const command of mapCommands(`/run/proxy/${name}.map`, set, new Map())) {
        assert.ok(command.length < BUFFER_BYTES);
        assert.match(command, /^add map \S+ <<\n(?:[!-~]+ [!-~]+\n)+\n$/);
      }
    }
  }
});

test('a rule that cannot be followed as it is written is told of', () => {
  assert.deepEqual([...desiredOf(modelOf('a\nb')).problems.keys()], ['a\nb']);
});
