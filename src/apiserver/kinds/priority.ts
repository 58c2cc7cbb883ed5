// Priorities of pods, as the admission of a Kubernetes API server gives them: a new pod has that of its class. Here they decide who is
// scheduled first; nobody is preempted.

import { objectOf, scalarText, textOf, type Draft } from '../../objects/json.ts';
import type { Resource } from '../../objects/resources.ts';
import type { ApiContext } from '../context.ts';
import { metadataOf, partOf } from '../writes/draft.ts';
import type { StoredObject } from '../store/stored-object.ts';
import { forbidden } from '../http/status-error.ts';

const STORAGE = 'priorityclasses.scheduling.k8s.io';

interface Priority {
  readonly className: string | undefined;
  readonly value: number;
  readonly preemptionPolicy: string;
}

/** Completes the draft of a pod; throws 403 where its class does not exist or where it says another priority itself. */
export function admitPriority(context: ApiContext, resource: Resource, draft: Draft): void {
  const spec = partOf(draft, 'spec');
  const name = textOf(metadataOf(draft)['name']) ?? '';
  const asked = textOf(spec['priorityClassName']) ?? '';
  const { className, value, preemptionPolicy } = asked === '' ? ofDefault(context) : named(asked);
  const said = { priority: spec['priority'] ?? value, policy: spec['preemptionPolicy'] ?? preemptionPolicy };
  const because = 'must not be provided in pod spec; priority admission controller computed';
  const from = 'from the given PriorityClass name';
  if (said.priority !== value)
    throw refused(
      `the integer value of priority (${scalarText(said.priority, 'no number')}) ${because} ${value} ${from}`,
    );
  if (said.policy !== preemptionPolicy)
    throw refused(
      `the string value of PreemptionPolicy (${scalarText(said.policy, 'no text')}) ${because} ${preemptionPolicy} ${from}`,
    );
  Object.assign(spec, { priority: value, preemptionPolicy });
  if (className !== undefined) spec['priorityClassName'] = className;

  function named(of: string): Priority {
    const stored = context.store.get(STORAGE, of);
    if (stored === undefined) throw refused(`no PriorityClass with name ${of.slice(0, 253)} was found`);
    return priorityOf(stored);
  }

  function refused(text: string): Error {
    return forbidden(resource, name, text);
  }
}

/** Refuses a second class that pods without one would have; throws 403. */
export function admitPriorityClass(context: ApiContext, resource: Resource, draft: Draft): void {
  if (draft['globalDefault'] !== true) return;
  const name = textOf(metadataOf(draft)['name']) ?? '';
  const other = defaultClass(context);
  if (other === undefined || other.object.metadata.name === name) return;
  const because = `PriorityClass ${other.object.metadata.name} is already marked as default. Only one default can exist`;
  throw forbidden(resource, name, because);
}

function ofDefault(context: ApiContext): Priority {
  const stored = defaultClass(context);
  return stored === undefined
    ? { className: undefined, value: 0, preemptionPolicy: 'PreemptLowerPriority' }
    : priorityOf(stored);
}

function defaultClass(context: ApiContext): StoredObject | undefined {
  return context.store.list(STORAGE).find(({ object }) => object['globalDefault'] === true);
}

function priorityOf({ object }: StoredObject): Priority {
  const { value, preemptionPolicy } = objectOf(object);
  return {
    className: object.metadata.name,
    value: Number(value ?? 0),
    preemptionPolicy: textOf(preemptionPolicy) ?? 'PreemptLowerPriority',
  };
}
