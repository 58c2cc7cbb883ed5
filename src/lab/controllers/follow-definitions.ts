// Runs what has to know every kind, and runs it anew where definitions make the kinds others. Controllers keep nothing: to start them is to
// list all objects again, a tenth of a second in a cluster of one machine.

import type { Clock } from '../../base/clock.ts';
import { hasCode, type FairleadError } from '../../base/errors.ts';
import type { KubeClient } from '../../kube/kube-client.ts';
import { ListWatch, type ListWatchSink } from '../../kube/list-watch.ts';
import { DEFINITIONS } from '../../kube/resource.ts';
import { isBuiltIn } from '../../objects/custom/definition-status.ts';
import { hasCondition, resourcesOf } from '../../objects/custom/definition.ts';
import type { KubeObject } from '../../objects/meta.ts';
import { apiVersionOf, type Resource } from '../../objects/resources.ts';
import { everyKind, type EveryKind } from './every-kind.ts';

export interface FollowOptions {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly onProblem: (error: FairleadError, retryInMs: number) => void;
}

/** Definitions come by the dozen: what is told within that is one change. */
const SETTLE_MS = 500;

/** Calls `run` with the kinds there are, and again with others after its signal has ended it; until `signal` aborts. */
export async function followDefinitions(
  { client, clock, onProblem }: FollowOptions,
  signal: AbortSignal,
  run: (kinds: EveryKind, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const known = new KnownKinds();
  const watch = new ListWatch<KubeObject, readonly Resource[]>({
    client,
    resource: DEFINITIONS,
    sink: known,
    convert: servedKindsOf,
    onProblem,
    clock,
  });
  const watching = watch.run(signal);
  try {
    await known.changed('', signal);
    while (!signal.aborted) {
      const { kinds, text } = known;
      const replaced = new AbortController();
      const running = run(everyKind(kinds), AbortSignal.any([signal, replaced.signal]));
      const next = known.changed(text, signal).then(() => clock.sleep(SETTLE_MS, signal));
      await Promise.race([running, next]);
      replaced.abort();
      await running;
    }
  } catch (error) {
    if (!signal.aborted && !hasCode(error, 'aborted')) throw error;
  }
  await watching;
}

function servedKindsOf(definition: KubeObject): readonly Resource[] {
  return isBuiltIn(definition) || !hasCondition(definition, 'Established') ? [] : resourcesOf(definition);
}

/** The custom kinds of the cluster, and who waits for others. */
class KnownKinds implements ListWatchSink<readonly Resource[]> {
  #byDefinition = new Map<string, readonly Resource[]>();
  #isListed = false;
  readonly #waiting = new Set<() => void>();

  get kinds(): readonly Resource[] {
    return [...this.#byDefinition.values()].flat();
  }

  /** Tells one set of kinds from another; '' before the first list. */
  get text(): string {
    const names = this.kinds.map((it) => `${apiVersionOf(it)}/${it.plural}/${it.kind}`);
    return this.#isListed ? `kinds: ${names.sort().join(' ')}` : '';
  }

  replace(objects: ReadonlyMap<string, readonly Resource[]>): void {
    this.#byDefinition = new Map(objects);
    this.#isListed = true;
    this.#wake();
  }

  put(key: string, resources: readonly Resource[]): void {
    this.#byDefinition.set(key, resources);
    this.#wake();
  }

  delete(key: string): void {
    this.#byDefinition.delete(key);
    this.#wake();
  }

  /** Resolves when the kinds are not those of `text`; rejects when `signal` aborts. */
  async changed(text: string, signal: AbortSignal): Promise<void> {
    while (this.text === text) {
      signal.throwIfAborted();
      await new Promise<void>((resolve) => {
        const done = (): void => {
          this.#waiting.delete(done);
          signal.removeEventListener('abort', done);
          resolve();
        };
        this.#waiting.add(done);
        signal.addEventListener('abort', done, { once: true });
      });
    }
  }

  #wake(): void {
    for (const done of this.#waiting) done();
  }
}
