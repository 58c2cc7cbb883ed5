// Which of the nodes behind a balancer may get connections: each is asked by HTTP again and again, as clouds' balancers do.

import { get } from 'node:http';
import type { Clock } from '../../base/clock.ts';
import type { Ip } from '../../base/ip.ts';
import type { Port } from '../../base/port.ts';

/** A node as the balancer sees it. */
export interface BalancedNode {
  readonly name: string;
  readonly ip: Ip;
  /** Where it takes the Service's connections. */
  readonly port: Port;
  /** Where it says whether it does. */
  readonly healthPort: Port;
  readonly healthPath: string;
}

export interface HealthOptions {
  /** The nodes now; asked before every round. */
  readonly nodes: () => readonly BalancedNode[];
  readonly periodMs: number;
  readonly clock: Clock;
  /** Told of every change of mind, and why: "200", "503", "ECONNREFUSED". */
  readonly onChange: (node: BalancedNode, isHealthy: boolean, because: string) => void;
}

/** A node that says nothing for so long is none to send to. */
const ANSWER_MS = 1_000;

/** What the last round said; a node that was never asked gets nothing. */
export class NodeHealth {
  readonly #options: HealthOptions;
  readonly #healthy = new Map<string, boolean>();

  constructor(options: HealthOptions) {
    this.#options = options;
  }

  healthy(): readonly BalancedNode[] {
    return this.#options.nodes().filter(({ name }) => this.#healthy.get(name) === true);
  }

  /** Asks all nodes until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, periodMs } = this.#options;
    while (!signal.aborted) {
      await this.round();
      await clock.sleep(periodMs, signal).catch(() => undefined);
    }
  }

  /** One question to each. */
  async round(): Promise<void> {
    const nodes = this.#options.nodes();
    await Promise.all(nodes.map((node) => this.#ask(node)));
    const names = new Set(nodes.map(({ name }) => name));
    for (const name of this.#healthy.keys()) if (!names.has(name)) this.#healthy.delete(name);
  }

  async #ask(node: BalancedNode): Promise<void> {
    const answer = await answerOf(node);
    const isHealthy = answer === '200';
    if (this.#healthy.get(node.name) === isHealthy) return;
    this.#healthy.set(node.name, isHealthy);
    this.#options.onChange(node, isHealthy, answer);
  }
}

/** The status code, or what stood in the way. */
function answerOf({ ip, healthPort, healthPath }: BalancedNode): Promise<string> {
  return new Promise((resolve) => {
    const where = { host: ip, port: healthPort, path: healthPath, agent: false };
    const request = get({ ...where, timeout: ANSWER_MS }, (response) => {
      response.resume();
      resolve(String(response.statusCode));
    });
    request.once('timeout', () => request.destroy(new Error('no answer in time')));
    request.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
  });
}
