// The pod programs without a pod: loaded into the kernel with maps of their own and run on single packets.

import { parseIp } from '../../src/base/ip.ts';
import type { Lifetime } from '../../src/base/lifetime.ts';
import { parseMac } from '../../src/base/mac.ts';
import { parsePort, parseProtocol } from '../../src/base/port.ts';
import { openServiceTarget } from '../../src/backends/service-ebpf/target.ts';
import type { FrontendRow } from '../../src/backends/service-ebpf/frontend-row.ts';
import { OPEN_STANDING } from '../../src/backends/shared-bpf/pod-interfaces.ts';
import { openNodeBpf, type NodeBpf } from '../../src/backends/shared-bpf/node-bpf.ts';
import { frontendKey } from '../../src/model/network.ts';
import { openPin, closeFd } from '../../src/sys/bpf-pin.ts';
import { readdirSync } from 'node:fs';
import {
  TEST_IFINDEX,
  testRunTc,
  testRunXdp,
  type TestRun,
  type TcVerdict,
  type XdpVerdict,
} from '../../src/sys/bpf-test-run.ts';
import { anEbpfRow } from './ebpf-row.ts';
import { mountBpffs } from './bpffs.ts';
import { POD_MAC, readFrame, type ReadPacket } from './packets.ts';

export const POD_IPS = ['10.77.0.10', 'fd77::10'] as const;

export interface PacketLab {
  readonly bpf: NodeBpf;
  /** What the pod program says of a packet that the pod sends, and what becomes of it. */
  sends(packet: Uint8Array): TestRun<TcVerdict>;
  receives(packet: Uint8Array): { readonly verdict: TcVerdict; readonly packet: Uint8Array };
  /** What the node's program says of a packet that comes in by one of its links. */
  arrives(packet: Uint8Array): { readonly verdict: TcVerdict; readonly packet: Uint8Array };
  /** What the program in an uplink's driver says of it. */
  meetsDriver(packet: Uint8Array): { readonly verdict: XdpVerdict; readonly packet: Uint8Array };
  /** These frontends and no others. */
  programRows(rows: readonly FrontendRow[]): Promise<void>;
  /** Frontends from text: { "10.96.0.1:80/TCP": ["10.77.0.11:8080"] }; they replace all others. */
  program(frontends: Readonly<Record<string, readonly string[]>>): Promise<void>;
  /** Packets counted since the last call, by reason; those of zero are left out. */
  counted(): Readonly<Record<string, number>>;
}

const OBJECTS = new URL('../../build/bpf', import.meta.url).pathname;
const SIGNAL = new AbortController().signal;

/** Run as root; the lifetime takes everything away again. */
export async function openPacketLab(lifetime: Lifetime): Promise<PacketLab> {
  const pinDir = `${mountBpffs(lifetime)}/node`;
  const bpf = await openNodeBpf({ pinDir, objectDir: OBJECTS, cgroupPath: undefined }, lifetime);
  // The map alone: nothing is attached to this machine's loopback.
  bpf.maps.podInterfaces.update(
    { ifindex: TEST_IFINDEX },
    { mac: parseMac(POD_MAC), ips: POD_IPS.map((ip) => parseIp(ip)), ...OPEN_STANDING },
  );
  lifetime.defer('maps', () => bpf.maps.podInterfaces.delete({ ifindex: TEST_IFINDEX }));
  const [egress, ingress, node, driver] = [
    openProgram(pinDir, 'pod_egress', lifetime),
    openProgram(pinDir, 'pod_ingress', lifetime),
    openProgram(pinDir, 'node_ingress', lifetime),
    openProgram(pinDir, 'node_xdp', lifetime),
  ];
  const target = openServiceTarget(bpf.maps);
  let before = new Map<string, number>();
  const programRows = async (rows: readonly FrontendRow[]): Promise<void> => {
    await target.delete(await target.observe(SIGNAL), SIGNAL);
    await target.update(new Map(rows.map((row) => [frontendKey(row), row])), SIGNAL, new Map());
  };
  return {
    bpf,
    sends: (packet) => testRunTc(egress, packet),
    receives: (packet) => testRunTc(ingress, packet),
    arrives: (packet) => testRunTc(node, packet),
    meetsDriver: (packet) => testRunXdp(driver, packet),
    programRows,
    program: (frontends) => programRows(Object.entries(frontends).map(aRow)),
    counted: () => {
      const now = new Map<string, number>(bpf.counters().map((it) => [it.reason, Number(it.packets)]));
      const found = [...now].map(([reason, count]) => [reason, count - (before.get(reason) ?? 0)] as const);
      before = now;
      return Object.fromEntries(found.filter(([, count]) => count > 0));
    },
  };
}

/** A verdict with the packet read: what tests compare. */
export function readRun(run: { readonly verdict: TcVerdict; readonly packet: Uint8Array }): ReadPacket & {
  readonly verdict: TcVerdict;
} {
  return { verdict: run.verdict, ...readFrame(run.packet) };
}

function openProgram(pinDir: string, name: string, lifetime: Lifetime): number {
  const pin = readdirSync(`${pinDir}/programs`).find((it) => it.startsWith(`${name}-`));
  const fd = openPin(`${pinDir}/programs/${pin}`);
  if (fd === undefined) throw new Error(`no program ${name}`);
  return lifetime.own(name, fd, closeFd);
}

function aRow([at, endpoints]: readonly [string, readonly string[]]): FrontendRow {
  const [host = '', protocol = 'TCP'] = at.split('/');
  return anEbpfRow(endpoints.map(transport), { ...transport(host), protocol: parseProtocol(protocol) });
}

function transport(text: string): Pick<FrontendRow, 'ip' | 'port'> {
  const at = text.lastIndexOf(':');
  return {
    ip: parseIp(text.slice(0, at).replaceAll(/[[\]]/g, '')),
    port: parsePort(Number(text.slice(at + 1))),
  };
}
