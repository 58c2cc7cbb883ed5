// Names of a cluster in the pod programs' maps and, from the same entries, in a responder as the DNS process has it: both are asked the same.

import assert from 'node:assert/strict';
import { kernelNames } from '../../src/agent/kernel-names.ts';
import { kernelNameParts } from '../../src/backends/dns-ebpf/target.ts';
import type { KernelNames } from '../../src/backends/dns-ebpf/render.ts';
import { systemClock } from '../../src/base/clock.ts';
import { parseCidr } from '../../src/base/cidr.ts';
import { parseIp } from '../../src/base/ip.ts';
import type { Lifetime } from '../../src/base/lifetime.ts';
import { POLICY_MODES } from '../../src/base/policy-numbers.ts';
import { DNS_ANSWER_DEFAULTS } from '../../src/dns/config.ts';
import { prepareEmpty } from '../../src/dns/prepared-answer.ts';
import { Responder } from '../../src/dns/responder.ts';
import { ZoneState } from '../../src/dns/zone-state.ts';
import { nameEntryKey, type NameEntry, type NameZone } from '../../src/model/names.ts';
import { Engine } from '../../src/reconcile/engine.ts';
import { RCODE } from '../../src/wire/dns/constants.ts';
import { parseDnsName } from '../../src/wire/dns/name.ts';
import { openPacketLab, POD_IPS, type PacketLab } from './packet-lab.ts';
import * as p from './packets.ts';

export const DOMAIN = 'cluster.local';
export const DNS_IPS = ['10.96.0.10', 'fd00:10:96::a'] as const;
const PREFIXES = ['10.96.0.0/16', 'fd00:10:96::/112'].map(parseCidr);
const CLIENT = { address: POD_IPS[0], transport: 'udp' } as const;

export interface SentQuestion {
  readonly isV6?: boolean;
  readonly hasChecksum?: boolean;
  readonly sourcePort?: number;
  readonly port?: number;
  readonly destination?: string;
}

export interface NameLab {
  readonly lab: PacketLab;
  /** These names, whole in the maps when it resolves. */
  program(entries: readonly NameEntry[], patterns?: readonly string[]): Promise<void>;
  /** The frame of a pod's question. */
  frame(question: Uint8Array, way?: SentQuestion): Uint8Array;
  /** What the kernel answers, undefined where the packet went on as it was; everything else throws. */
  askKernel(question: Uint8Array, way?: SentQuestion): Uint8Array | undefined;
  /** What the DNS process answers with these draws, undefined where it does not at once, or at all. */
  askProcess(question: Uint8Array, draws?: readonly number[]): Uint8Array | undefined;
}

export async function openNameLab(lifetime: Lifetime): Promise<NameLab> {
  const lab = await openPacketLab(lifetime);
  lab.bpf.maps.policyState.update({ index: 0 }, { epoch: 1, mode: POLICY_MODES.judges });
  const names = kernelNames({
    clusterDomain: DOMAIN,
    dnsSocket: 'any',
    nodeLocalDnsIps: [],
    ...answerConfig(),
  });
  const keeper = keepNames(lab, lifetime);
  const dnsIps = DNS_IPS.map((it) => parseIp(it));
  let draws: number[] = [];
  let revision = 0;
  const zone = new ZoneState();
  const responder = aResponder(zone, () => draws.shift() ?? 0);
  const frame = (question: Uint8Array, way: SentQuestion = {}): Uint8Array => questionFrame(question, way);
  return {
    lab,
    program: async (entries, patterns = []) => {
      const all: NameZone = {
        prefixes: PREFIXES,
        entries: new Map(entries.map((it) => [nameEntryKey(it), it])),
      };
      zone.replace(all, ++revision);
      const known = names({
        names: all,
        corefile: { text: undefined },
        namesRevision: revision,
        policies: { names: patterns },
        services: { cluster: { dnsIps } },
      });
      await keeper(known);
    },
    frame,
    askKernel: (question, way) => {
      const sent = frame(question, way);
      const { verdict, packet } = lab.sends(sent);
      if (verdict === 'redirect') return readAnswer(packet, sent);
      assert.equal(verdict, 'ok');
      assert.deepEqual(packet, sent);
      return undefined;
    },
    askProcess: (question, fractions = []) => {
      draws = [...fractions];
      const answer = responder.respond(Buffer.from(question), CLIENT);
      return answer instanceof Promise ? undefined : answer;
    },
  };
}

function answerConfig(): { readonly dnsTtlS: number; readonly dnsUdpPayloadBytes: number } {
  const { ttlS, udpPayloadBytes } = DNS_ANSWER_DEFAULTS;
  return { dnsTtlS: ttlS, dnsUdpPayloadBytes: udpPayloadBytes };
}

/** Keeps the maps by the engine, as the agent does; resolves when a pass is through. */
function keepNames(lab: PacketLab, lifetime: Lifetime): (names: KernelNames | undefined) => Promise<void> {
  let passed: ((isConverged: boolean) => void) | undefined;
  let revision = 0;
  const engine = new Engine<{ readonly names: KernelNames | undefined }>({
    parts: kernelNameParts(lab.bpf.maps, (view) => view.names),
    clock: systemClock,
    random: () => 0,
    timing: { quietMs: 0 },
    report: (event) => {
      if (event.kind === 'passed') passed?.(event.isConverged);
    },
  });
  const running = engine.run(lifetime.signal);
  lifetime.defer('engine', () => running);
  return async (names) => {
    const pass = new Promise<boolean>((resolve) => (passed = resolve));
    engine.submit({ names }, ++revision);
    assert.ok(await pass);
  };
}

function aResponder(zone: ZoneState, fraction: () => number): Responder {
  return new Responder({
    zone,
    settings: {
      domain: parseDnsName(DOMAIN),
      serverIps: DNS_IPS.map((it) => parseIp(it)),
      ttlS: DNS_ANSWER_DEFAULTS.ttlS,
    },
    outside: { resolve: () => Promise.resolve({ prepared: prepareEmpty(RCODE.NXDOMAIN), ageS: 0 }) },
    random: { fraction, uint16: () => 1 },
    udpPayloadBytes: DNS_ANSWER_DEFAULTS.udpPayloadBytes,
    hotBytes: 1 << 20,
    monotonicMs: () => 0,
  });
}

/** A pod's question in a frame. */
export function questionFrame(question: Uint8Array, way: SentQuestion): Uint8Array {
  const [source, server] = way.isV6 === true ? [POD_IPS[1], DNS_IPS[1]] : [POD_IPS[0], DNS_IPS[0]];
  const ends = { source, destination: way.destination ?? server };
  const ports = { sourcePort: way.sourcePort ?? 40_000, destinationPort: way.port ?? 53 };
  const { hasChecksum = true } = way;
  const payload = p.udp({ ...ends, ...ports, payload: question, hasChecksum });
  return p.frame({ ...ends, protocol: p.UDP, payload });
}

/** The message of an answer to the frame; every header around it is as it must be. */
function readAnswer(packet: Uint8Array, sent: Uint8Array): Uint8Array {
  const [back, asked] = [p.readFrame(packet), p.readFrame(sent)];
  assert.deepEqual(
    [back.source, back.destination, back.sourcePort, back.destinationPort, back.isSound],
    [asked.destination, asked.source, asked.destinationPort, asked.sourcePort, true],
  );
  assert.deepEqual(packet.subarray(0, 6), sent.subarray(6, 12));
  assert.deepEqual(packet.subarray(6, 12), sent.subarray(0, 6));
  const udp = new DataView(back.l4.buffer, back.l4.byteOffset);
  assert.equal(udp.getUint16(4), back.l4.length);
  const hadChecksum = new DataView(asked.l4.buffer, asked.l4.byteOffset).getUint16(6) !== 0;
  assert.equal(udp.getUint16(6) !== 0, hadChecksum, 'no checksum stays none, and one stays one');
  return back.l4.subarray(8);
}
