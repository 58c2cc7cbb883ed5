// Leads datagrams of a Gateway's UDP listeners by the kernel of its pod's namespace: looks what is there, changes it in one transaction, looks again, and ends
// flows that lead to nobody any more. What stands when control ends goes on.

import { FairleadError, messageOf } from '../base/errors.ts';
import { familyOf } from '../base/ip.ts';
import type { Lifetime } from '../base/lifetime.ts';
import type { ProxyModel } from '../model/gateway.ts';
import { openConntrack, type Conntrack } from '../sys/conntrack.ts';
import { kernelNft, kernelSysctls, type NftDoor, type SysctlDoor } from '../sys/doors.ts';
import { openNfTables, type NfTables } from '../sys/nf-tables.ts';
import type { Netns } from '../sys/netns.ts';
import { isStaleFlow, leadsOf } from './udp-flows.ts';
import { renderUdp, UDP_TABLE, udpScript, type UdpChain } from './udp-table.ts';

export interface UdpKernel {
  readonly nft: Pick<NftDoor, 'apply' | 'delete'>;
  readonly tables: Pick<NfTables, 'listRules'>;
  readonly conntrack: Pick<Conntrack, 'forget'>;
  readonly sysctls: SysctlDoor;
}

/** Of a namespace (default: the process' own). */
export function openUdpKernel(lifetime: Lifetime, netns?: Netns | string): UdpKernel {
  return {
    nft: kernelNft(netns),
    tables: lifetime.own('nftables', openNfTables(netns), (it) => it.close()),
    conntrack: lifetime.own('connection tracking', openConntrack(netns), (it) => it.close()),
    sysctls: kernelSysctls(netns),
  };
}

type UdpModel = Pick<ProxyModel, 'udpPorts' | 'backends'>;

/** One change at a time. */
export class UdpPlane {
  readonly #kernel: UdpKernel;
  readonly #onProblem: (problem: string) => void;
  /** What happened before this process is not known. */
  #needsSweep = true;
  #isGone = false;
  #problem: string | undefined;

  /** `onProblem` is told of each problem once. */
  constructor(kernel: UdpKernel, onProblem: (problem: string) => void) {
    this.#kernel = kernel;
    this.#onProblem = onProblem;
  }

  /** Resolves when the kernel was seen to lead as the model says; with its words where it does not. */
  async lead(model: UdpModel): Promise<string | undefined> {
    const chains = renderUdp(model);
    if (chains === undefined && this.#isGone) return undefined;
    const problem = await this.#lead(model, chains).then(
      () => undefined,
      (error: unknown) => messageOf(error),
    );
    this.#isGone = chains === undefined && problem === undefined;
    // Who may not look and has nothing to lead has never led anything.
    if (problem !== undefined && chains !== undefined && problem !== this.#problem) this.#onProblem(problem);
    this.#problem = problem;
    return problem;
  }

  async #lead(model: UdpModel, chains: readonly UdpChain[] | undefined): Promise<void> {
    if (chains !== undefined) this.#forward(model);
    await this.#converge(chains);
    await this.#sweep(model);
  }

  async #converge(chains: readonly UdpChain[] | undefined): Promise<void> {
    const { nft } = this.#kernel;
    if (await this.#stands(chains)) return;
    this.#needsSweep = true;
    await (chains === undefined ? nft.delete(UDP_TABLE) : nft.apply(udpScript(chains)));
    if (!(await this.#stands(chains)))
      throw new FairleadError('kernel', `Cannot lead UDP: table ${UDP_TABLE.name} is not as it was loaded`);
  }

  async #stands(chains: readonly UdpChain[] | undefined): Promise<boolean> {
    const rules = await this.#kernel.tables.listRules(UDP_TABLE.name);
    const seen = rules.map((it) => `${it.chain} ${it.comment ?? ''}`);
    const wanted = (chains ?? []).flatMap(({ name, rules: own }) => own.map(({ mark }) => `${name} ${mark}`));
    return seen.join('\n') === wanted.join('\n');
  }

  /** After the rules: else a client that goes on would be led by those of before once more. */
  async #sweep(model: UdpModel): Promise<void> {
    if (!this.#needsSweep) return;
    const leads = leadsOf(model);
    await this.#kernel.conntrack.forget((flow) => isStaleFlow(flow, leads));
    this.#needsSweep = false;
  }

  /** Only where there is somewhere to forward to, and not taken back: the table lets nothing else through. */
  #forward({ udpPorts, backends }: UdpModel): void {
    const { sysctls } = this.#kernel;
    const named = new Set(
      udpPorts.flatMap((it) => (it.target?.backends ?? []).map(({ backend }) => backend)),
    );
    const endpoints = [...backends.values()].filter((it) => named.has(it.id)).flatMap((it) => it.endpoints);
    for (const family of new Set(endpoints.map(({ ip }) => familyOf(ip)))) {
      const key = FORWARDING[family];
      if (sysctls.read(key) !== '1') sysctls.write({ [key]: 1 });
    }
  }
}

const FORWARDING = { 4: 'net/ipv4/ip_forward', 6: 'net/ipv6/conf/all/forwarding' } as const;
