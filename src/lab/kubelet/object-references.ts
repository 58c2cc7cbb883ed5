// Which ConfigMaps and Secrets a pod takes its files and its environment from. Pure.

import type { Container, Pod } from '../../objects/api-types.ts';
import { containersOf } from './pod-containers.ts';

/** A ConfigMap or a Secret by its name. */
export interface ObjectName {
  readonly kind: 'configmap' | 'secret';
  readonly namespace: string;
  readonly name: string;
}

export function objectKey({ kind, namespace, name }: ObjectName): string {
  return `${kind}/${namespace}/${name}`;
}

/** Keys of all objects that the pod's volumes and containers name, whether they exist or not. */
export function referencesOf(pod: Pod): ReadonlySet<string> {
  const { namespace = 'default' } = pod.metadata;
  const found = [...volumeReferences(pod), ...containersOf(pod).flatMap(environmentReferences)];
  return new Set(found.map(([kind, name = '']) => objectKey({ kind, namespace, name })));
}

type Reference = readonly [ObjectName['kind'], string | undefined];

function volumeReferences(pod: Pod): readonly Reference[] {
  return (pod.spec?.volumes ?? []).flatMap((volume) => [
    ...referencesIn(volume.configMap, volume.secret && { name: volume.secret.secretName }),
    ...(volume.projected?.sources ?? []).flatMap((it) => referencesIn(it.configMap, it.secret)),
  ]);
}

function environmentReferences(container: Container): readonly Reference[] {
  return [
    ...(container.envFrom ?? []).flatMap((it) => referencesIn(it.configMapRef, it.secretRef)),
    ...(container.env ?? []).flatMap(({ valueFrom: it }) =>
      referencesIn(it?.configMapKeyRef, it?.secretKeyRef),
    ),
  ];
}

type Named = { readonly name?: string | undefined } | undefined;

function referencesIn(configMap: Named, secret: Named): readonly Reference[] {
  return [
    ...(configMap === undefined ? [] : [['configmap', configMap.name] as const]),
    ...(secret === undefined ? [] : [['secret', secret.name] as const]),
  ];
}
