// What the CNI needs of the node, kept on disk so that pods can be attached while the API server is away.

import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { tunnelMtuBytes, type Underlay } from '../backends/network-vxlan/entries.ts';
import { parseCidr } from '../base/cidr.ts';
import { messageOf } from '../base/errors.ts';
import type { NodeNetwork } from '../cni/doors.ts';
import type { NetworkNode } from '../model/network.ts';
import { Field } from '../objects/slim-field.ts';
import { readIp } from '../objects/slim-meta.ts';
import type { AgentContext } from './agent-context.ts';

export class NodeMemory {
  readonly #file: string;
  readonly #context: AgentContext;
  #network: NodeNetwork | undefined;

  private constructor(file: string, context: AgentContext) {
    this.#file = file;
    this.#context = context;
  }

  /** Begins with what the last agent of this node knew. */
  static async open(context: AgentContext): Promise<NodeMemory> {
    const { stateDir } = context.config;
    await mkdir(stateDir, { recursive: true, mode: 0o700 });
    const memory = new NodeMemory(path.join(stateDir, 'node.json'), context);
    memory.#network = memory.#read();
    return memory;
  }

  /** Undefined until the node's subnet was known once. */
  get network(): NodeNetwork | undefined {
    return this.#network;
  }

  /** Takes note of the node as the API shows it; a node without prefixes changes nothing, its pods keep their addresses. */
  learn(node: NetworkNode | undefined, underlay: Underlay | undefined): void {
    if (node === undefined || underlay === undefined || node.podCidrs.length === 0) return;
    const network: NodeNetwork = {
      podCidrs: node.podCidrs,
      mtuBytes: tunnelMtuBytes(underlay.mtuBytes, underlay.local),
      nodeIps: node.addresses,
    };
    if (JSON.stringify(network) === JSON.stringify(this.#network)) return;
    this.#network = network;
    this.#write(network);
  }

  /** A file that cannot be read is as good as none: the API will say it again. */
  #read(): NodeNetwork | undefined {
    try {
      return parseNodeNetwork(JSON.parse(readFileSync(this.#file, 'utf8')));
    } catch (err) {
      this.#context.log.debug({ err }, `nothing remembered of the node: ${messageOf(err)}`);
      return undefined;
    }
  }

  /** A new file in the place of the old one: a crash leaves one or the other. */
  #write(network: NodeNetwork): void {
    try {
      writeFileSync(`${this.#file}.new`, `${JSON.stringify(network)}\n`, { mode: 0o600, flush: true });
      renameSync(`${this.#file}.new`, this.#file);
    } catch (err) {
      this.#context.log.error({ err }, `Cannot remember the node in ${this.#file}: ${messageOf(err)}`);
    }
  }
}

function parseNodeNetwork(raw: unknown): NodeNetwork {
  const root = Field.root('remembered node', raw);
  const cidrs = root.at('podCidrs').list();
  const mtuBytes = root.at('mtuBytes');
  return {
    podCidrs: cidrs.map((field) => field.parse((value) => parseCidr(String(value)))),
    mtuBytes: mtuBytes.optionalInteger() ?? mtuBytes.fail('is missing'),
    nodeIps: root.at('nodeIps').list().map(readIp),
  };
}
