import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PodSpec } from '../../objects/api-types.ts';
import { referencesOf } from './object-references.ts';

test('referencesOf() finds every place where a pod names a ConfigMap or a Secret', () => {
  const spec: PodSpec = {
    volumes: [
      { name: 'a', configMap: { name: 'volume' } },
      { name: 'b', secret: { secretName: 'volume' } },
      {
        name: 'c',
        projected: { sources: [{ configMap: { name: 'projected' } }, { secret: { name: 'projected' } }] },
      },
      { name: 'd', emptyDir: {} },
    ],
    initContainers: [{ name: 'i', envFrom: [{ configMapRef: { name: 'from' } }] }],
    containers: [
      {
        name: 'm',
        envFrom: [{ secretRef: { name: 'from' } }],
        env: [
          { name: 'A', value: 'plain' },
          { name: 'B', valueFrom: { configMapKeyRef: { name: 'key', key: 'x' } } },
          { name: 'C', valueFrom: { secretKeyRef: { name: 'key', key: 'x' } } },
        ],
      },
    ],
  };
  const metadata = { name: 'p', namespace: 'n', uid: 'u', resourceVersion: '1', creationTimestamp: '' };
  const kinds = ['configmap', 'secret'];
  const names = ['volume', 'projected', 'from', 'key'];
  assert.deepEqual(
    [...referencesOf({ apiVersion: 'v1', kind: 'Pod', metadata, spec })].sort(),
    kinds.flatMap((kind) => names.map((name) => `${kind}/n/${name}`)).sort(),
  );
});
