// The process beside one Gateway's HAProxy: watches the cluster, drives the proxy, writes statuses.

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
import { runControl } from './control.ts';
import { startGatewayWatch } from './gateway-watch.ts';
import { openProxyDriver, type ProxyDriver } from './proxy-driver.ts';
import { findingsOf, type ProxyFindings } from './proxy-findings.ts';
import { StatusWriter } from './status-writer.ts';

export interface GatewayProcess {
  /** "namespace/name" */
  readonly gateway: string;
  /** The Service by which the proxy is reached, in the Gateway's namespace. */
  readonly service: string;
  readonly node: string;
  /** Shared with the proxy. */
  readonly folder: string;
  /** Undefined inside of a pod. */
  readonly kubeconfig: string | undefined;
}

/** Where HAProxy tells its metrics; the readiness of its container asks there too. */
const METRICS = { ip: parseIp('0.0.0.0'), port: METRICS_PORT };
const ANY = [parseIp('0.0.0.0'), parseIp('::')];

/** Runs until `signal` aborts; the proxy goes on as it stands. */
export async function runGateway(settings: GatewayProcess, signal: AbortSignal): Promise<void> {
  keepHeapSmall();
  const log = pino({ name: 'gateway' });
  const lifetime = new Lifetime('gateway');
  const ended = Promise.withResolvers<void>();
  signal.addEventListener('abort', () => ended.resolve(), { once: true });
  if (signal.aborted) ended.resolve();
  const { kubeconfig, gateway, node } = settings;
  try {
    const access = await (kubeconfig === undefined
      ? loadInClusterAccess(process.env)
      : loadKubeConfig(kubeconfig));
    const client = lifetime.own('API connections', new KubeClient(access), (it) => it.close());
    const clock = systemClock;
    const fail = (error: unknown): void => ended.reject(error);
    const watch = startGatewayWatch({ client, log, clock, random: Math.random, lifetime, fail });
    const writer = new StatusWriter({ client, signal: lifetime.signal, onProblem: (it) => log.warn(it) });
    const [namespace = ''] = gateway.split('/');
    const place = {
      folder: settings.folder,
      addresses: ANY,
      threads: availableParallelism(),
      metrics: METRICS,
    };
    const driver = await openProxyDriver({ place, program: 'haproxy', log }, lifetime);
    const proxy = { apply: (model: ProxyModel) => published(driver, model) };
    const service = `${namespace}/${settings.service}`;
    const running = runControl({
      gateway,
      service,
      node,
      watch,
      proxy,
      writer,
      clock,
      log,
      signal: lifetime.signal,
    }).catch(fail);
    lifetime.defer('control', () => running);
    await ended.promise;
  } finally {
    await lifetime.close();
  }
}

async function published(driver: ProxyDriver, model: ProxyModel): Promise<ProxyFindings> {
  const { problems } = await driver.publish(model);
  return findingsOf(model, problems);
}
