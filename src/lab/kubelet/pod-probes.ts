// The probes of one pod's containers: startup first, then readiness and liveness side by side, each with its own period,
// thresholds and delay. Results are memory only: a new kubelet process probes anew.

import { hasCode, messageOf } from '../../base/errors.ts';
import type { Container, Pod, Probe } from '../../objects/api-types.ts';
import { namedPort } from './named-port.ts';
import type { PodRecord } from './pod-record.ts';
import type { PodWorld } from './pod-world.ts';
import { formatGoDuration } from '../workload/go-duration.ts';
import type { ProbeAnswer, ProbeRequest } from '../workload/workload-spec.ts';

export type ProbeKind = 'startup' | 'readiness' | 'liveness';

export interface ProbeListeners {
  readonly onChange: () => void;
  /** A startup or liveness probe has failed for good. */
  readonly onFailure: (container: string, reason: string) => void;
}

interface Running {
  readonly id: string;
  readonly abort: AbortController;
  isStarted: boolean;
  isReady: boolean;
}

interface ProbeJob {
  readonly kind: ProbeKind;
  readonly probe: Probe;
  readonly pod: Pod;
  readonly container: Container;
  readonly record: PodRecord;
  readonly startedAtMs: number;
}

export class PodProbes {
  readonly #world: PodWorld;
  readonly #listeners: ProbeListeners;
  readonly #running = new Map<string, Running>();

  constructor(world: PodWorld, listeners: ProbeListeners) {
    this.#world = world;
    this.#listeners = listeners;
  }

  isStarted(container: string): boolean {
    return this.#running.get(container)?.isStarted ?? false;
  }

  isReady(container: string): boolean {
    return this.#running.get(container)?.isReady ?? false;
  }

  /** Probes what runs, and nothing else. */
  sync(pod: Pod, record: PodRecord): void {
    for (const container of [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])]) {
      const own = record.containers[container.name];
      const present = this.#running.get(container.name);
      const isRunning = own?.state.kind === 'running';
      if (present !== undefined && (!isRunning || own.id !== present.id)) this.#end(container.name, present);
      if (isRunning && present?.id !== own.id) {
        this.#begin({ pod, container, record, startedAtMs: own.state.startedAtMs }, own.id);
      }
    }
  }

  close(): void {
    for (const [name, running] of this.#running) this.#end(name, running);
  }

  #end(container: string, running: Running): void {
    running.abort.abort();
    this.#running.delete(container);
  }

  #begin(of: Omit<ProbeJob, 'kind' | 'probe'>, id: string): void {
    const { startupProbe, readinessProbe } = of.container;
    const running: Running = {
      id,
      abort: new AbortController(),
      isStarted: startupProbe === undefined,
      isReady: readinessProbe === undefined,
    };
    this.#running.set(of.container.name, running);
    void this.#runAll(of, running);
  }

  async #runAll(of: Omit<ProbeJob, 'kind' | 'probe'>, running: Running): Promise<void> {
    const { startupProbe, readinessProbe, livenessProbe } = of.container;
    const { signal } = running.abort;
    if (startupProbe !== undefined) {
      await this.#loop({ ...of, kind: 'startup', probe: startupProbe }, signal, (isGood) => {
        if (isGood) running.isStarted = true;
        else this.#listeners.onFailure(of.container.name, 'failed startup probe');
        this.#listeners.onChange();
        return 'end';
      });
    }
    if (signal.aborted || !running.isStarted) return;
    const loops = [];
    if (readinessProbe !== undefined) {
      loops.push(
        this.#loop({ ...of, kind: 'readiness', probe: readinessProbe }, signal, (isGood) => {
          running.isReady = isGood;
          this.#listeners.onChange();
          return 'go-on';
        }),
      );
    }
    if (livenessProbe !== undefined) {
      loops.push(
        this.#loop({ ...of, kind: 'liveness', probe: livenessProbe }, signal, (isGood) => {
          if (isGood) return 'go-on';
          this.#listeners.onFailure(of.container.name, 'failed liveness probe');
          return 'end';
        }),
      );
    }
    await Promise.all(loops);
  }

  /** Calls `onVerdict` when a threshold is reached and the verdict is another one than before. */
  async #loop(
    job: ProbeJob,
    signal: AbortSignal,
    onVerdict: (isGood: boolean) => 'end' | 'go-on',
  ): Promise<void> {
    const { clock, random } = this.#world;
    const periodMs = (job.probe.periodSeconds ?? 10) * 1000;
    const thresholds = { good: job.probe.successThreshold ?? 1, bad: job.probe.failureThreshold ?? 3 };
    const count = { good: 0, bad: 0 };
    // Readiness begins as not ready, liveness as alive; startup has no verdict yet.
    let verdict = job.kind === 'readiness' ? false : job.kind === 'liveness' ? true : undefined;
    const delayMs = job.startedAtMs + (job.probe.initialDelaySeconds ?? 0) * 1000 - clock.nowMs();
    await clock.sleep(Math.max(0, delayMs), signal).catch(() => undefined);
    while (!signal.aborted) {
      const answer = await this.#once(job, signal);
      if (signal.aborted) return;
      if (answer !== undefined) {
        const isGood = answer.isSuccess;
        count.good = isGood ? count.good + 1 : 0;
        count.bad = isGood ? 0 : count.bad + 1;
        if (!isGood) this.#report(job, answer.message);
        const isReached = isGood ? count.good >= thresholds.good : count.bad >= thresholds.bad;
        if (isReached && verdict !== isGood) {
          verdict = isGood;
          if (onVerdict(isGood) === 'end') return;
        }
      }
      // A little jitter keeps the probes of hundreds of pods apart; before the first success a pod is asked sooner.
      const isWaiting = job.kind !== 'liveness' && verdict !== true;
      const pauseMs = isWaiting ? Math.min(periodMs, 1000) : periodMs;
      await clock.sleep(pauseMs * (0.95 + 0.1 * random()), signal).catch(() => undefined);
    }
  }

  #report(job: ProbeJob, message: string): void {
    const title = `${job.kind[0]?.toUpperCase() ?? ''}${job.kind.slice(1)}`;
    this.#world.api.event(job.pod, {
      type: 'Warning',
      reason: 'Unhealthy',
      message: `${title} probe failed: ${message}`,
      container: job.container.name,
    });
  }

  /** Undefined where nobody could ask: that says nothing of the container, and a kubelet counts it neither way. */
  async #once(job: ProbeJob, signal: AbortSignal): Promise<ProbeAnswer | undefined> {
    const timeoutMs = (job.probe.timeoutSeconds ?? 1) * 1000;
    try {
      if (job.probe.exec !== undefined) return await this.#exec(job, timeoutMs, signal);
      const node = this.#world.node(job.record.node);
      return await node.probe(requestOf(job, timeoutMs), signal);
    } catch (error) {
      if (hasCode(error, 'unavailable')) return undefined;
      return { isSuccess: false, message: messageOf(error) };
    }
  }

  async #exec(job: ProbeJob, timeoutMs: number, signal: AbortSignal): Promise<ProbeAnswer> {
    const command = job.probe.exec?.command ?? [];
    const { pod, container } = job;
    // The record of the moment the probe began names the same start of the container.
    const target = { pod, container, record: job.record };
    const isOver = AbortSignal.timeout(timeoutMs);
    try {
      const both = AbortSignal.any([signal, isOver]);
      const result = await this.#world.execSandboxes.run(target, command, both);
      return { isSuccess: result.exitCode === 0, message: result.output };
    } catch (error) {
      if (!isOver.aborted) throw error;
      const after = formatGoDuration(timeoutMs);
      return {
        isSuccess: false,
        message: `command timed out: "${command.join(' ')}" timed out after ${after}`,
      };
    }
  }
}

function requestOf(job: ProbeJob, timeoutMs: number): ProbeRequest {
  const { probe, container } = job;
  const host = probe.httpGet?.host ?? probe.tcpSocket?.host ?? job.record.ips[0] ?? '';
  if (probe.httpGet !== undefined) {
    return {
      kind: 'http',
      host,
      port: namedPort(container, probe.httpGet.port),
      timeoutMs,
      scheme: probe.httpGet.scheme === 'HTTPS' ? 'HTTPS' : 'HTTP',
      path: probe.httpGet.path ?? '/',
      headers: (probe.httpGet.httpHeaders ?? []).map((it) => [it.name, it.value] as const),
    };
  }
  if (probe.grpc !== undefined) {
    return { kind: 'grpc', host, port: probe.grpc.port, timeoutMs, service: probe.grpc.service ?? '' };
  }
  return { kind: 'tcp', host, port: namedPort(container, probe.tcpSocket?.port ?? 0), timeoutMs };
}
