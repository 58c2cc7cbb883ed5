// The containers of a pod, whichever list they are in. Pure.

import type { Container, Pod } from '../../objects/api-types.ts';

/** Containers first, then init containers, then those that were added for debugging. */
export function containersOf({ spec }: Pod): readonly Container[] {
  return [...(spec?.containers ?? []), ...(spec?.initContainers ?? []), ...(spec?.ephemeralContainers ?? [])];
}

/** True for one that was added for debugging: it runs once, beside the pod's own life. */
export function isEphemeral({ spec }: Pod, { name }: Container): boolean {
  return (spec?.ephemeralContainers ?? []).some((it) => it.name === name);
}

/** The container whose processes an ephemeral one is to see. */
export function targetOf({ spec }: Pod, { name }: Container): string | undefined {
  const target = (spec?.ephemeralContainers ?? []).find((it) => it.name === name)?.targetContainerName;
  return target === '' ? undefined : target;
}
