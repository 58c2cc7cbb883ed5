// postStart and preStop hooks: a program in the container, an HTTP request, or a pause.

import { FairleadError } from '../../base/errors.ts';
import type { Container, Pod } from '../../objects/api-types.ts';
import { namedPort } from './named-port.ts';
import type { PodRecord } from './pod-record.ts';
import type { PodWorld } from './pod-world.ts';

export type Hook = NonNullable<NonNullable<Container['lifecycle']>['preStop']>;

export interface HookJob {
  readonly pod: Pod;
  readonly container: Container;
  readonly record: PodRecord;
  readonly hook: Hook;
}

const HTTP_TIMEOUT_MS = 30_000;

/** Resolves at the hook's end; throws where it failed. */
export async function runHook(world: PodWorld, job: HookJob, signal: AbortSignal): Promise<void> {
  const { hook } = job;
  if (hook.exec !== undefined) return runExec(world, job, hook.exec.command ?? [], signal);
  if (hook.sleep !== undefined) return world.clock.sleep(hook.sleep.seconds * 1000, signal);
  if (hook.httpGet === undefined) return undefined;
  const answer = await world.node(job.record.node).probe(
    {
      kind: 'http',
      host: hook.httpGet.host ?? job.record.ips[0] ?? '',
      port: namedPort(job.container, hook.httpGet.port),
      timeoutMs: HTTP_TIMEOUT_MS,
      scheme: hook.httpGet.scheme === 'HTTPS' ? 'HTTPS' : 'HTTP',
      path: hook.httpGet.path ?? '/',
      headers: (hook.httpGet.httpHeaders ?? []).map((it) => [it.name, it.value] as const),
    },
    signal,
  );
  if (!answer.isSuccess) throw new FairleadError('unavailable', answer.message);
}

async function runExec(
  world: PodWorld,
  job: HookJob,
  command: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const result = await world.execSandboxes.run(job, command, signal);
  if (result.exitCode !== 0) {
    throw new FairleadError(
      'kernel',
      `command '${command.join(' ')}' exited with ${result.exitCode}: ${result.output}`,
    );
  }
}
