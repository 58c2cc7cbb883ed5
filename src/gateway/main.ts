// The process beside one HAProxy: watches the cluster, drives the proxy, writes statuses.

import { availableParallelism } from 'node:os';
import { pino } from 'pino';
import { systemClock } from '../base/clock.ts';
import { parseIp } from '../base/ip.ts';
import { Lifetime } from '../base/lifetime.ts';
import { KubeClient } from '../kube/kube-client.ts';
import { loadInClusterAccess, loadKubeConfig } from '../kube/kube-config.ts';
import { keepHeapSmall } from '../sys/small-heap.ts';
import { METRICS_PORT } from '../objects/gateway-api/common.ts';
import type { ProxyModel } from '../model/gateway.ts';
import type { Store } from '../store/store.ts';
import type { WatchContext } from './cluster-watch.ts';
import { runControl, type ProxySubject } from './control.ts';
import { defaultCertificate } from './default-certificate.ts';
import { gatewaySubject, type SubjectOptions } from './gateway-subject.ts';
import { startGatewayWatch } from './gateway-watch.ts';
import { ingressSubject, startIngressWatch } from './ingress-subject.ts';
import { ProblemEvents } from './problem-events.ts';
import { openProxyDriver, type ProxyDriver } from './proxy-driver.ts';
import { findingsOf, type ProxyFindings } from './proxy-findings.ts';
import { StatusWriter } from './status-writer.ts';
import { openTelemetry, type RequestTelemetry } from './telemetry.ts';
import { openUdpKernel, UdpPlane } from './udp-plane.ts';

export interface GatewayProcess {
  /** Whom the proxy is for: a Gateway as "namespace/name", or the Ingresses of a class. */
  readonly of:
    | { readonly kind: 'gateway'; readonly key: string }
    | { readonly kind: 'ingresses'; readonly className: string };
  /** "namespace/name" of the Service by which the proxy is reached. */
  readonly service: string;
  readonly node: string;
  /** Shared with the proxy. */
  readonly folder: string;
  /** Undefined inside of a pod. */
  readonly kubeconfig: string | undefined;
}

/** Where HAProxy tells its metrics; the readiness of its container asks there too. */
const METRICS = { ip: parseIp('0.0.0.0'), port: METRICS_PORT };
/** `kubectl logs` shows it. */
const STDOUT = 1;
const ANY = [parseIp('0.0.0.0'), parseIp('::')];

/** Runs until `signal` aborts; the proxy goes on as it stands. */
export async function runGateway(settings: GatewayProcess, signal: AbortSignal): Promise<void> {
  keepHeapSmall();
  const log = pino({ name: 'gateway' });
  const lifetime = new Lifetime('gateway');
  const ended = Promise.withResolvers<void>();
  signal.addEventListener('abort', () => ended.resolve(), { once: true });
  if (signal.aborted) ended.resolve();
  const { kubeconfig, node, service } = settings;
  try {
    const access = await (kubeconfig === undefined
      ? loadInClusterAccess(process.env)
      : loadKubeConfig(kubeconfig));
    const client = lifetime.own('API connections', new KubeClient(access), (it) => it.close());
    const clock = systemClock;
    const fail = (error: unknown): void => ended.reject(error);
    const context = { client, log, clock, random: Math.random, lifetime, fail };
    const { signal: ownSignal } = lifetime;
    const onProblem = (it: string): void => log.warn(it);
    const writer = new StatusWriter({ client, signal: ownSignal, onProblem });
    const events = new ProblemEvents({ client, clock, signal: ownSignal, onProblem });
    const { subject, store } = await subjectOf(settings, { context, writer, events, service, node });
    const place = {
      folder: settings.folder,
      addresses: ANY,
      threads: availableParallelism(),
      metrics: METRICS,
      // Conformance of Ingress asks for it (ingress-controller-conformance, features/default_backend.feature).
      namesServer: settings.of.kind === 'ingresses',
    };
    const driver = await openProxyDriver({ place, program: 'haproxy', log }, lifetime);
    const udp = new UdpPlane(openUdpKernel(lifetime), onProblem);
    const telemetry = await openTelemetry(
      { folder: settings.folder, output: STDOUT, backendOf: (slot) => driver.backendOf(slot), log },
      lifetime,
    );
    const proxy = { apply: (model: ProxyModel) => published(model, { driver, udp, telemetry }) };
    const running = runControl({ subject, store, proxy, clock, log, signal: ownSignal }).catch(fail);
    lifetime.defer('control', () => running);
    await ended.promise;
  } finally {
    await lifetime.close();
  }
}

interface SubjectParts extends Omit<SubjectOptions, 'watch' | 'clock'> {
  readonly context: WatchContext;
}

async function subjectOf(
  { of, folder }: GatewayProcess,
  { context, ...parts }: SubjectParts,
): Promise<{ readonly subject: ProxySubject; readonly store: Store }> {
  const { clock } = context;
  if (of.kind === 'gateway') {
    const watch = startGatewayWatch(context);
    return { subject: gatewaySubject(of.key, { ...parts, watch, clock }), store: watch.store };
  }
  const certificate = await defaultCertificate(folder, clock.nowMs());
  const watch = startIngressWatch(context);
  const options = { ...parts, watch, clock, defaultCertificate: certificate };
  return { subject: ingressSubject(of.className, options), store: watch.store };
}

interface DataPlanes {
  readonly driver: ProxyDriver;
  readonly udp: UdpPlane;
  readonly telemetry: RequestTelemetry;
}

async function published(model: ProxyModel, { driver, udp, telemetry }: DataPlanes): Promise<ProxyFindings> {
  // The kernel does not wait for HAProxy, and is done before the next model comes.
  const leading = udp.lead(model);
  try {
    const { problems } = await driver.publish(model);
    telemetry.follow(model);
    return findingsOf(model, problems, await leading);
  } finally {
    await leading;
  }
}
