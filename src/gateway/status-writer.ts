// Writes statuses to the API: each where it stands otherwise, never over what somebody wrote meanwhile, a few at a time.

import { messageOf, hasCode } from '../base/errors.ts';
import type { KubeClient } from '../kube/kube-client.ts';
import { INGRESSES, resourceRef, type ResourceRef } from '../kube/resource.ts';
import { GATEWAY_GROUP } from '../objects/gateway-api/common.ts';
import { objectKey } from '../objects/slim-meta.ts';
import type { StatusWrite } from './gateway-status.ts';

const AT_A_TIME = 8;

export interface WriterOptions {
  readonly client: KubeClient;
  readonly signal: AbortSignal;
  readonly onProblem: (message: string) => void;
}

export class StatusWriter {
  readonly #options: WriterOptions;
  /** What was written last for an object and at which version: until the watch shows it, it is not written again. */
  readonly #written = new Map<string, string>();

  constructor(options: WriterOptions) {
    this.#options = options;
  }

  /** True where all were taken; the others are to be told anew from what the watch brings. */
  async write(writes: readonly StatusWrite[]): Promise<boolean> {
    const waiting = writes.filter((it) => this.#written.get(nameOf(it)) !== it.version);
    let isWhole = true;
    const work = async (): Promise<void> => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift())
        isWhole = (await this.#one(next)) && isWhole;
    };
    await Promise.all(Array.from({ length: AT_A_TIME }, work));
    return isWhole;
  }

  async #one(write: StatusWrite): Promise<boolean> {
    const { kind, namespace, name, version, status } = write;
    const { client, signal, onProblem } = this.#options;
    if (signal.aborted) return false;
    const metadata = { resourceVersion: version };
    try {
      await client.patchStatus(resourceOf(kind), { namespace, name }, { metadata, status }, { signal });
      this.#written.set(nameOf(write), version);
      return true;
    } catch (error) {
      // Written by somebody meanwhile, or gone: the watch brings what stands, and the caller looks again.
      const isNews = hasCode(error, 'conflict') || hasCode(error, 'not-found');
      if (!isNews && !signal.aborted) onProblem(`status of ${kind} ${objectKey(write)}: ${messageOf(error)}`);
      return false;
    }
  }
}

function nameOf({ kind, namespace, name }: StatusWrite): string {
  return `${kind} ${namespace}/${name}`;
}

function resourceOf(kind: string): ResourceRef {
  if (kind === INGRESSES.kind) return INGRESSES;
  return resourceRef(`${GATEWAY_GROUP}/v1`, kind);
}
