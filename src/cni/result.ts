// The result of an ADD in one inner form and its text in every version of the specification; pure.

import { isAtLeast, type CniVersion } from './versions.ts';

export interface CniInterface {
  readonly name: string;
  readonly mac: string | undefined;
  /** Since 1.1.0. */
  readonly mtuBytes: number | undefined;
  /** Path of the namespace it is in; undefined for the node's own. */
  readonly sandbox: string | undefined;
  /** Since 1.1.0: for virtual machines; only passed through. */
  readonly socketPath: string | undefined;
  readonly pciId: string | undefined;
}

export interface CniIp {
  /** Address with prefix length. */
  readonly address: string;
  readonly gateway: string | undefined;
  /** Index into the interfaces. */
  readonly interface: number | undefined;
}

export interface CniRoute {
  readonly dst: string;
  readonly gw: string | undefined;
  /** Since 1.1.0, as are the rest. */
  readonly mtuBytes: number | undefined;
  readonly advmss: number | undefined;
  readonly priority: number | undefined;
  readonly table: number | undefined;
  readonly scope: number | undefined;
}

export interface CniDns {
  readonly nameservers: readonly string[];
  readonly domain: string | undefined;
  readonly search: readonly string[];
  readonly options: readonly string[];
}

export interface CniResult {
  readonly interfaces: readonly CniInterface[];
  readonly ips: readonly CniIp[];
  readonly routes: readonly CniRoute[];
  readonly dns: CniDns | undefined;
}

/** The document that `version` prescribes; what an older version cannot say is left out. */
export function resultDocument(result: CniResult, version: CniVersion): Readonly<Record<string, unknown>> {
  if (!isAtLeast(version, '0.3.0')) return oldDocument(result, version);
  return {
    cniVersion: version,
    ...(result.interfaces.length === 0
      ? {}
      : { interfaces: result.interfaces.map((it) => interfaceDocument(it, version)) }),
    ips: result.ips.map((it) => ipDocument(it, version)),
    ...(result.routes.length === 0 ? {} : { routes: result.routes.map((it) => routeDocument(it, version)) }),
    dns: dnsDocument(result.dns),
  };
}

/** Versions 0.1.0 and 0.2.0: one address per family, no interfaces. */
function oldDocument(result: CniResult, version: CniVersion): Readonly<Record<string, unknown>> {
  const [ip4, ip6] = [oldFamily(result, false), oldFamily(result, true)];
  return {
    cniVersion: version,
    ...(ip4 === undefined ? {} : { ip4 }),
    ...(ip6 === undefined ? {} : { ip6 }),
    dns: dnsDocument(result.dns),
  };
}

function oldFamily(result: CniResult, isIpv6: boolean): Readonly<Record<string, unknown>> | undefined {
  const ip = result.ips.find((it) => it.address.includes(':') === isIpv6);
  if (ip === undefined) return undefined;
  const routes = result.routes.filter((it) => it.dst.includes(':') === isIpv6);
  return defined({
    ip: ip.address,
    gateway: ip.gateway,
    routes: routes.length === 0 ? undefined : routes.map(({ dst, gw }) => defined({ dst, gw })),
  });
}

function interfaceDocument(it: CniInterface, version: CniVersion): Readonly<Record<string, unknown>> {
  const { name, mac, sandbox } = it;
  if (!isAtLeast(version, '1.1.0')) return defined({ name, mac, sandbox });
  return defined({ name, mac, mtu: it.mtuBytes, sandbox, socketPath: it.socketPath, pciID: it.pciId });
}

function ipDocument(it: CniIp, version: CniVersion): Readonly<Record<string, unknown>> {
  const { address, gateway } = it;
  const rest = defined({ address, gateway, interface: it.interface });
  // The field of the IP version was removed in 1.0.0: the address tells.
  return isAtLeast(version, '1.0.0') ? rest : { version: address.includes(':') ? '6' : '4', ...rest };
}

function routeDocument(it: CniRoute, version: CniVersion): Readonly<Record<string, unknown>> {
  const { dst, gw, mtuBytes: mtu, advmss, priority, table, scope } = it;
  return defined(
    isAtLeast(version, '1.1.0') ? { dst, gw, mtu, advmss, priority, table, scope } : { dst, gw },
  );
}

function dnsDocument(dns: CniDns | undefined): Readonly<Record<string, unknown>> {
  const list = (texts: readonly string[] | undefined): readonly string[] | undefined =>
    texts === undefined || texts.length === 0 ? undefined : texts;
  return defined({
    nameservers: list(dns?.nameservers),
    domain: dns?.domain,
    search: list(dns?.search),
    options: list(dns?.options),
  });
}

/** Without the members that are undefined. */
function defined(document: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(document).filter(([, value]) => value !== undefined));
}
