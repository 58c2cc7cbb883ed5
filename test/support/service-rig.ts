// A node with an agent that carries Services, against an API that can go: what tests do to it, and what they ask of it. One Service, `WEB`,
// stands all the time and has an endpoint that answers.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import type { AgentConfigFile } from '../../src/agent/config.ts';
import type { Lifetime } from '../../src/base/lifetime.ts';
import { ENDPOINT_SLICES, NODES, SERVICES } from '../../src/kube/resource.ts';
import { makeAgentNode, type AgentNode, type AgentProcess } from './agent-node.ts';
import { eventually } from './eventually.ts';
import { FakeKubeApi } from './fake-kube-api.ts';
import { echoServer } from './node-traffic.ts';
import { startRelay, type Relay } from './relay.ts';

export const READY_MS = 30_000;
/** The Service that stands before, during and after everything. */
export const WEB = { name: 'web', ip: '10.96.0.7', endpoint: '10.89.1.11' };
/** Of each of the many. */
export const ENDPOINTS = 3;

export interface ServiceRigOptions {
  /** Names of everything made on the machine start with it. */
  readonly prefix: string;
  readonly backend: string;
  readonly config?: Partial<AgentConfigFile>;
}

export class ServiceRig {
  readonly api = new FakeKubeApi();
  readonly #options: ServiceRigOptions;
  readonly #lifetime: Lifetime;
  #relay: Relay | undefined;
  #node: AgentNode | undefined;
  #agent: AgentProcess | undefined;

  constructor(options: ServiceRigOptions, lifetime: Lifetime) {
    this.#options = options;
    this.#lifetime = lifetime;
  }

  async start(): Promise<void> {
    const { api } = this;
    const { prefix, backend } = this.#options;
    const { server } = await api.start();
    this.#lifetime.defer('API', () => api.stop());
    const folder = mkdtempSync(`${tmpdir()}/${prefix}-`);
    this.#lifetime.defer('folder', () => rmSync(folder, { recursive: true }));
    const kubeconfigFor = async (netns: string): Promise<string> => {
      this.#relay = this.#lifetime.own('relay', await startRelay(netns, Number(server.port)), (it) =>
        it.close(),
      );
      return writeKubeconfig(`${folder}/kubeconfig`, this.#relay.port);
    };
    const config = {
      resyncMs: 1_000,
      service: backend,
      iptablesFlavour: 'nft',
      podCidrs: ['10.244.0.0/16'],
      ...this.#options.config,
    };
    const options = { prefix, name: backend, config };
    this.#node = await makeAgentNode(options, kubeconfigFor, this.#lifetime);
    // What netfilter translates on its way out must have a way out.
    this.node.run('ip', 'route', 'add', 'default', 'via', '10.89.1.1', 'dev', 'eth0');
    this.#putNode();
    this.put(WEB.name, WEB.ip, [WEB.endpoint]);
    const echo = await echoServer(this.node);
    this.#lifetime.defer('echo', () => echo.close());
    this.startAgent();
    await this.isReady();
  }

  get node(): AgentNode {
    assert.ok(this.#node);
    return this.#node;
  }

  set hasApi(isThere: boolean) {
    assert.ok(this.#relay);
    this.#relay.isOpen = isThere;
  }

  startAgent(): void {
    this.#agent = this.node.start();
  }

  async kill(): Promise<void> {
    await this.#agent?.end('SIGKILL');
  }

  log(): readonly string[] {
    return (this.#agent?.log() ?? '').split('\n');
  }

  async isReady(): Promise<void> {
    await eventually(async () => {
      const { code, body } = await this.node.ask('/readyz');
      assert.equal(code, 200, `${body}\n${this.log().slice(-5).join('\n')}`);
    }, READY_MS);
  }

  /** Nothing is left to do. */
  async isSettled(): Promise<void> {
    await eventually(async () => assert.equal((await this.node.ask('/plan')).body, ''), READY_MS);
  }

  put(name: string, ip: string, endpoints: readonly string[]): void {
    const metadata = { namespace: 'default', name };
    const ports = [{ name: 'http', port: 80, protocol: 'TCP' }];
    this.api.put(SERVICES, { metadata, spec: { clusterIP: ip, clusterIPs: [ip], ports } });
    this.api.put(ENDPOINT_SLICES, {
      metadata: { ...metadata, labels: { 'kubernetes.io/service-name': name } },
      addressType: 'IPv4',
      ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
      endpoints: endpoints.map((address) => ({ addresses: [address], conditions: { ready: true } })),
    });
  }

  putMany(from: number, to: number): void {
    for (let i = from; i < to; i++) {
      const [high, low] = [i >> 8, i & 255];
      const endpoints = Array.from({ length: ENDPOINTS }, (_, at) => `10.${200 + at}.${high}.${low}`);
      this.put(`s${i}`, `10.96.${1 + high}.${low}`, endpoints);
    }
  }

  deleteMany(from: number, to: number): void {
    for (let i = from; i < to; i++) {
      this.api.delete(SERVICES, `default/s${i}`);
      this.api.delete(ENDPOINT_SLICES, `default/s${i}`);
    }
  }

  #putNode(): void {
    const { backend: name } = this.#options;
    const podCIDRs = ['10.244.1.0/24'];
    const addresses = [{ type: 'InternalIP', address: WEB.endpoint }];
    this.api.put(NODES, { metadata: { name }, spec: { podCIDRs }, status: { addresses } });
  }
}

function writeKubeconfig(file: string, port: number): string {
  const named = (kind: string, value: unknown): unknown => [{ name: 't', [kind]: value }];
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 't',
    clusters: named('cluster', { server: `http://127.0.0.1:${port}` }),
    users: named('user', { token: 'test' }),
    contexts: named('context', { cluster: 't', user: 't' }),
  };
  writeFileSync(file, JSON.stringify(config));
  return file;
}
