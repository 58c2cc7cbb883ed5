// The pods of a StatefulSet by their ordinals: names, identities, and what each slot holds. Pure.

import type { ControllerRevision, Pod, StatefulSet } from '../../../objects/api-types.ts';
import type { OwnerReference } from '../../../objects/meta.ts';
import type { Action } from '../../../controllers/action.ts';
import { createPod } from '../pod-from-template.ts';
import { REVISION_LABEL, templateOf } from '../history.ts';

/** The slots that shall be filled: ordinals from `start` to `end`, the end not included. */
export interface Slots {
  readonly start: number;
  readonly end: number;
}

export function slotsOf(set: StatefulSet): Slots {
  const start = set.spec?.ordinals?.start ?? 0;
  return { start, end: start + (set.spec?.replicas ?? 1) };
}

/** The number at the end of the pod's name; undefined for pods that are not named after the set. */
export function ordinalOf(set: StatefulSet, pod: Pod): number | undefined {
  const prefix = `${set.metadata.name}-`;
  const rest = pod.metadata.name.startsWith(prefix) ? pod.metadata.name.slice(prefix.length) : '';
  return /^(0|[1-9][0-9]{0,9})$/.test(rest) ? Number(rest) : undefined;
}

export function revisionOfPod(pod: Pod): string | undefined {
  return pod.metadata.labels?.[REVISION_LABEL];
}

export function createStatefulPod(
  set: StatefulSet,
  ref: OwnerReference,
  ordinal: number,
  revision: ControllerRevision,
): Action {
  const name = `${set.metadata.name}-${ordinal}`;
  const template = templateOf(revision);
  const claims = (set.spec?.volumeClaimTemplates ?? []).map(({ metadata }) => metadata?.name ?? '');
  const volumes = (template.spec?.volumes ?? []).filter((volume) => !claims.includes(volume.name));
  return createPod(set, ref, template, {
    name,
    labels: {
      'statefulset.kubernetes.io/pod-name': name,
      'apps.kubernetes.io/pod-index': String(ordinal),
      [REVISION_LABEL]: revision.metadata.name,
    },
    spec: {
      hostname: name,
      subdomain: set.spec?.serviceName ?? '',
      volumes: [
        ...volumes,
        ...claims.map((claim) => ({ name: claim, persistentVolumeClaim: { claimName: `${claim}-${name}` } })),
      ],
    },
  });
}
