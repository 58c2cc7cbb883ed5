// Brings manifests into the API as `kubectl apply` does: what is missing is made, what changed since the last time is patched,
// and the last applied text is kept as an annotation, so that kubectl and `up` can take turns.

import { hasCode, isAlreadyExists, isNotFound, messageOf } from '../../base/errors.ts';
import { statusOf } from '../../kube/api-error.ts';
import type { KubeClient } from '../../kube/kube-client.ts';
import { DEFINITION_MESSAGE, hasCondition } from '../../objects/custom/definition.ts';
import { listOf, objectOf, scalarText } from '../../objects/json.ts';
import type { KubeObject } from '../../objects/meta.ts';
import { complain, refusal, refuse, type Complaint } from './complaint.ts';
import type { ManifestObject } from './load.ts';
import { diffForMerge } from './merge-diff.ts';
import { withNamespace, type ResolvedManifest } from './resolve.ts';

/** What kubectl uses: both read and write it. */
const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';

export type Applied = 'created' | 'configured' | 'unchanged';

/** What became of one manifest. */
export interface AppliedObject {
  readonly kind: string;
  readonly namespace: string | undefined;
  readonly name: string;
  readonly outcome: Applied;
}

export interface ApplyOptions {
  readonly client: KubeClient;
  readonly signal: AbortSignal;
  readonly onDetail: (text: string) => void;
}

/** One write that a manifest needs. */
interface Step {
  readonly it: ResolvedManifest;
  readonly outcome: Applied;
  /** Resolves to what became of it: somebody else may have made the object meanwhile. */
  readonly write: (options: { readonly isDryRun: boolean }) => Promise<Applied>;
}

/**
 * Applies the manifests in their order. The server is asked about every change before the first is made: when it refuses one, `invalid` names
 * all refusals with file and line and nothing has changed. Only objects in namespaces, and of kinds, of the set itself cannot be asked about beforehand.
 */
export async function applyManifests(
  resolved: readonly ResolvedManifest[],
  options: ApplyOptions,
): Promise<readonly AppliedObject[]> {
  const steps: Step[] = [];
  for (const it of resolved) steps.push(await planStep(it, options));
  const complaints: Complaint[] = [];
  for (const step of askable(steps)) {
    const answer = await perform(step, { isDryRun: true });
    if (typeof answer !== 'string') complaints.push(...answer);
  }
  refuse(complaints);
  const applied: AppliedObject[] = [];
  for (const step of steps) {
    const { kind, metadata } = withNamespace(step.it);
    options.onDetail(`${kind} ${metadata.name}`);
    const outcome = await perform(step, { isDryRun: false });
    if (typeof outcome !== 'string') throw refusal(outcome);
    if (isDefinition(step)) refuse(await namesRefused(step, options));
    const namespace = step.it.resource.isNamespaced ? metadata.namespace : undefined;
    applied.push({ kind, namespace, name: metadata.name, outcome });
  }
  return applied;
}

/** The steps that the server can judge before the first is made. */
function askable(steps: readonly Step[]): readonly Step[] {
  const changed = steps.filter(({ outcome }) => outcome !== 'unchanged');
  const names = (of: readonly Step[]): ReadonlySet<string> =>
    new Set(of.map(({ it }) => it.manifest.object.metadata.name));
  const namespaces = names(
    changed.filter(({ it, outcome }) => it.resource.message === 'core.Namespace' && outcome === 'created'),
  );
  const definitions = names(changed.filter(isDefinition));
  return steps.filter(
    ({ it }) =>
      !namespaces.has(withNamespace(it).metadata.namespace ?? '') && !definitions.has(it.resource.storage),
  );
}

function isDefinition({ it }: Step): boolean {
  return it.resource.message === DEFINITION_MESSAGE;
}

/** A definition that is kept is served when its names are accepted, which the server says at once. */
async function namesRefused({ it }: Step, { client, signal }: ApplyOptions): Promise<readonly Complaint[]> {
  const { name } = it.manifest.object.metadata;
  const definition = await client.get(it.resource, { name }, { signal });
  if (hasCondition(definition, 'Established')) return [];
  const conditions = listOf(objectOf(definition['status'])['conditions']).map(objectOf);
  const names = conditions.find(({ type }) => type === 'NamesAccepted');
  return [complain(it.manifest, 'spec.names', scalarText(names?.['message'], 'the names are not accepted'))];
}

async function planStep(it: ResolvedManifest, options: ApplyOptions): Promise<Step> {
  const { client, signal } = options;
  const object = withNamespace(it);
  const annotated = withLastApplied(object);
  const at = { namespace: object.metadata.namespace, name: object.metadata.name };
  let current: KubeObject;
  try {
    current = await client.get(it.resource, at, { signal });
  } catch (error) {
    if (!isNotFound(error)) throw error;
    return {
      it,
      outcome: 'created',
      write: async (how) => {
        try {
          await client.create(it.resource, annotated, { signal, ...how });
          return 'created';
        } catch (problem) {
          if (!isAlreadyExists(problem)) throw problem;
          return (await planStep(it, options)).write(how);
        }
      },
    };
  }
  const patch = diffForMerge(lastAppliedOf(current), annotated, current);
  if (patch === undefined) return { it, outcome: 'unchanged', write: () => Promise.resolve('unchanged') };
  return {
    it,
    outcome: 'configured',
    write: async (how) => {
      await client.patch(it.resource, at, patch, { type: 'merge', signal, ...how });
      return 'configured';
    },
  };
}

/** The outcome, or complaints where the server refuses the object; throws where it could not be asked. */
async function perform(
  step: Step,
  how: { readonly isDryRun: boolean },
): Promise<Applied | readonly Complaint[]> {
  try {
    return await step.write(how);
  } catch (error) {
    if (hasCode(error, 'unavailable') || hasCode(error, 'timeout') || hasCode(error, 'aborted')) throw error;
    return complaintsOf(step.it, error);
  }
}

/** The server's causes name fields; a refusal without causes is about the object as a whole. */
function complaintsOf(it: ResolvedManifest, error: unknown): readonly Complaint[] {
  const status = statusOf(error);
  const causes = status?.details?.causes ?? [];
  if (causes.length === 0) return [complain(it.manifest, '', status?.message ?? messageOf(error))];
  return causes.map(({ field = '', message = '' }) => complain(it.manifest, field, message));
}

function withLastApplied(object: ManifestObject): ManifestObject {
  const { [LAST_APPLIED]: _, ...annotations } = object.metadata.annotations ?? {};
  const plain = { ...object, metadata: { ...object.metadata, annotations } };
  const text = `${JSON.stringify(plain)}\n`;
  return { ...plain, metadata: { ...plain.metadata, annotations: { ...annotations, [LAST_APPLIED]: text } } };
}

function lastAppliedOf(current: KubeObject): unknown {
  const text = current.metadata?.annotations?.[LAST_APPLIED];
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    // Somebody wrote something else there: nothing is known of what was applied, so nothing is taken away.
    return undefined;
  }
}
