// Random Ingresses: what compile makes of them is what the oracle says from the objects.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { IngressCompiler } from '../../src/compile/gateway/ingress-compiler.ts';
import { routeIngress } from '../../src/oracle/route-ingress.ts';
import { INGRESS_CONTROLLER } from '../../src/objects/ingress.ts';
import { takenBy } from '../support/ask-model.ts';
import { ingressObjects } from '../support/gateway-manifests.ts';
import { CONFORMANCE_CLASSES, echoServices } from '../support/ingress-rows.ts';

const HOSTS = [undefined, 'a.test', '*.a.test', 'b.a.test', '*.b.a.test', '*.test'] as const;
const PATHS = ['/', '/x', '/x/', '/x/y', '/X', '/xy'];
const SERVICES = ['one', 'two', 'three', 'missing'];
const PLACE = {
  node: { name: 'n', zone: undefined },
  defaultCertificate: { id: 'default', pem: '', names: [] },
};

const backend = fc
  .constantFrom(...SERVICES)
  .map((name) => ({ service: { name, port: name === 'missing' ? { number: 8080 } : { name: 'http' } } }));
const path = fc.record({
  path: fc.constantFrom(...PATHS),
  pathType: fc.constantFrom('Exact', 'Prefix', 'ImplementationSpecific'),
  backend,
});
const rule = fc
  .tuple(fc.constantFrom(...HOSTS), fc.array(path, { maxLength: 3 }))
  .map(([host, paths]) => ({ ...(host === undefined ? {} : { host }), http: { paths } }));
const spec = fc.record(
  {
    ingressClassName: fc.constantFrom('fairlead', 'fairlead', 'other'),
    rules: fc.array(rule, { maxLength: 3 }),
    defaultBackend: backend,
  },
  { requiredKeys: ['ingressClassName', 'rules'] },
);
/** Ages are not in the order of names, and some are the same. */
const ingresses = fc
  .array(fc.tuple(spec, fc.integer({ min: 1, max: 3 })), { minLength: 1, maxLength: 4 })
  .map((all) =>
    all.map(([content, day], index) => ({
      kind: 'Ingress',
      apiVersion: 'networking.k8s.io/v1',
      metadata: { namespace: 'default', name: `i${index}`, creationTimestamp: `2026-01-0${day}T00:00:00Z` },
      spec: content,
    })),
  );
const request = fc.record({
  host: fc.constantFrom('a.test', 'b.a.test', 'c.b.a.test', 'c.a.test', 'test', 'other.example'),
  path: fc.constantFrom(...PATHS, '/x/y/z', '/xyz'),
});

function objectsOf(all: readonly object[]): ReturnType<typeof ingressObjects> {
  const yaml = all.map((it) => JSON.stringify(it)).join('\n---\n');
  return ingressObjects([CONFORMANCE_CLASSES, yaml, echoServices(yaml)].join('\n---\n'));
}

test('requests meet what the oracle says of Ingresses', () => {
  const seen = new Set<string>();
  fc.assert(
    fc.property(ingresses, fc.array(request, { minLength: 1, maxLength: 6 }), (all, requests) => {
      const objects = objectsOf(all);
      const { model } = new IngressCompiler('fairlead').compile(objects, PLACE);
      const world = {
        ingresses: [...objects.ingresses.values()],
        ingressClasses: [...objects.ingressClasses.values()],
        services: [...objects.services.values()],
        endpointSlices: [],
        certificates: new Set<string>(),
      };
      for (const { host, path: asked } of requests) {
        const words = { method: 'GET', host, path: asked, query: undefined, headers: [] };
        const answer = routeIngress(world, INGRESS_CONTROLLER, words);
        // "Ingress default/i0 rule 1 path 2", "Ingress default/i0 default backend"
        const meant = answer.kind === 'rule' ? placeOf(answer.rule) : '404';
        const said = takenBy(model, { host, path: asked })?.rule.id ?? '404';
        seen.add(meant === '404' ? '404' : meant.endsWith('default') ? 'default' : 'rule');
        assert.equal(said, meant);
      }
    }),
    { numRuns: 200 },
  );
  assert.deepEqual([...seen].sort(), ['404', 'default', 'rule']);
});

function placeOf(rule: string): string {
  const [, key, rest = ''] = /^Ingress (\S+) (.*)$/.exec(rule) ?? [];
  const [, ruleIndex, pathIndex] = /^rule (\d+) path (\d+)$/.exec(rest) ?? [];
  return `Ingress/${key}/${ruleIndex === undefined ? 'default' : `${ruleIndex}/${pathIndex}`}`;
}
