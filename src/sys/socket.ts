// Sockets made inside of a namespace and used from outside: a socket belongs for good to the namespace it was made in.
// The descriptors go to Node (`net.Server.listen({ fd })`, `dgram.Socket.bind({ fd })`), which owns and closes them from then on.

import { familyOf, ipToBytes, type Family, type Ip } from '../base/ip.ts';
import { kernelError } from './errno.ts';
import { bind, checked, close, getsockopt, lastErrno, listen, setsockopt, socket } from './ffi.ts';
import { inNetns, type Netns } from './netns.ts';

const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_STREAM = 1;
const SOCK_DGRAM = 2;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const SOL_IP = 0;
const SOL_SOCKET = 1;
const SOL_IPV6 = 41;
const SO_REUSEADDR = 2;
const SO_RCVBUF = 8;
const SO_REUSEPORT = 15;
const SO_NETNS_COOKIE = 71;
const IP_RECVERR = 11;
const IP_FREEBIND = 15;
const IPV6_RECVERR = 25;
const IPV6_V6ONLY = 26;
const IPV6_FREEBIND = 78;
const IPPROTO_SCTP = 132;
const SCTP_RTOINFO = 0;
const BACKLOG = 1024;

export interface SocketOptions {
  /** Bind an address that the namespace does not have (yet). */
  readonly isFreeBind?: boolean;
  /** Let several sockets share the port, so that a successor starts before its predecessor ends. */
  readonly isShared?: boolean;
}

const SCTP = { type: SOCK_STREAM, protocol: IPPROTO_SCTP } as const;

type Place = Netns | string | undefined;

interface Endpoint {
  readonly ip: Ip;
  /** 0 for any free one. */
  readonly port: number;
}

/** A listening TCP socket, non-blocking and close-on-exec; IPv6 ones take IPv6 alone. `undefined` is the process' own namespace. */
export function listenTcp(netns: Place, at: Endpoint, options: SocketOptions = {}): number {
  const action = `listen on ${describe(at)}/TCP`;
  return opened(action, netns, { family: familyOf(at.ip), type: SOCK_STREAM }, (fd) => {
    setFlag(action, fd, [SOL_SOCKET, SO_REUSEADDR]);
    bindTo(action, fd, { at, options });
    checked(action, listen(fd, BACKLOG));
  });
}

/** A bound UDP socket with the same properties. */
export function bindUdp(netns: Place, at: Endpoint, options: SocketOptions = {}): number {
  const action = `bind ${describe(at)}/UDP`;
  return opened(action, netns, { family: familyOf(at.ip), type: SOCK_DGRAM }, (fd) =>
    bindTo(action, fd, { at, options }),
  );
}

/** Room for what waits to be received; the kernel doubles it and keeps to net.core.rmem_max. */
export function setReceiveRoom(fd: number, bytes: number): void {
  const value = Buffer.alloc(4);
  value.writeUInt32LE(bytes);
  checked('set the room of a socket', setsockopt(fd, SOL_SOCKET, SO_RCVBUF, value, value.length));
}

/** An unconnected TCP socket: `new net.Socket({ fd }).connect(port, host)` connects it from within the namespace. */
export function openTcp(netns: Place, family: Family): number {
  return opened('open TCP socket', netns, { family, type: SOCK_STREAM }, () => undefined);
}

/**
 * A listening SCTP socket (one association each, as a connection), for `net.Server.listen({ fd })`. Throws EPROTONOSUPPORT on a kernel
 * without SCTP; asking loads its module where there is one.
 */
export function listenSctp(netns: Place, at: Endpoint): number {
  const action = `listen on ${describe(at)}/SCTP`;
  return opened(action, netns, { family: familyOf(at.ip), ...SCTP }, (fd) => {
    bindTo(action, fd, { at, options: {} });
    checked(action, listen(fd, BACKLOG));
  });
}

/**
 * The same unconnected, for `new net.Socket({ fd })`. An ICMP error ends its attempt, as it ends TCP's: SCTP itself only notes it. So it does
 * where the answer comes while the call is not over yet, as on a machine's own links: the next try comes soon.
 */
export function openSctp(netns: Place, family: Family): number {
  const action = 'open SCTP socket';
  return opened(action, netns, { family, ...SCTP }, (fd) => {
    setFlag(action, fd, family === 4 ? [SOL_IP, IP_RECVERR] : [SOL_IPV6, IPV6_RECVERR]);
    // struct sctp_rtoinfo: all associations; first, longest and shortest wait in ms.
    const waits = Buffer.from(Uint32Array.of(0, 300, 1000, 300).buffer);
    checked(action, setsockopt(fd, IPPROTO_SCTP, SCTP_RTOINFO, waits, waits.length));
  });
}

/** Throws EPROTONOSUPPORT where the kernel has no SCTP; asking loads its module. */
export function checkSctp(netns: Place): void {
  close(openSctp(netns, 4));
}

/** The number by which BPF programs know a namespace (bpf_get_netns_cookie); never 0. Linux 5.14. `undefined` is the process' own. */
export function netnsCookie(netns: Place): bigint {
  const action = 'read cookie of namespace';
  const fd = opened(action, netns, { family: 4, type: SOCK_DGRAM }, () => undefined);
  try {
    const cookie = Buffer.alloc(8);
    checked(action, getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, cookie, [cookie.length]));
    return cookie.readBigUInt64LE();
  } finally {
    close(fd);
  }
}

function opened(
  action: string,
  netns: Place,
  kind: { readonly family: Family; readonly type: number; readonly protocol?: number },
  prepare: (fd: number) => void,
): number {
  const make = (): number => {
    const domain = kind.family === 4 ? AF_INET : AF_INET6;
    const fd = checked(action, socket(domain, kind.type | SOCK_NONBLOCK | SOCK_CLOEXEC, kind.protocol ?? 0));
    try {
      if (kind.family === 6) setFlag(action, fd, [SOL_IPV6, IPV6_V6ONLY]);
      prepare(fd);
      return fd;
    } catch (error) {
      close(fd);
      throw error;
    }
  };
  return netns === undefined ? make() : inNetns(netns, make);
}

function bindTo(
  action: string,
  fd: number,
  how: { readonly at: Endpoint; readonly options: SocketOptions },
): void {
  const isIpv4 = familyOf(how.at.ip) === 4;
  if (how.options.isShared === true) setFlag(action, fd, [SOL_SOCKET, SO_REUSEPORT]);
  if (how.options.isFreeBind === true) {
    setFlag(action, fd, isIpv4 ? [SOL_IP, IP_FREEBIND] : [SOL_IPV6, IPV6_FREEBIND]);
  }
  const address = socketAddress(how.at);
  if (bind(fd, address, address.length) < 0) throw kernelError({ action, errno: lastErrno() });
}

/** struct sockaddr_in and sockaddr_in6: family in host order, port and address in network order. */
function socketAddress(at: Endpoint): Uint8Array {
  const bytes = ipToBytes(at.ip);
  const isIpv4 = bytes.length === 4;
  const address = Buffer.alloc(isIpv4 ? 16 : 28);
  address.writeUInt16LE(isIpv4 ? AF_INET : AF_INET6, 0);
  address.writeUInt16BE(at.port, 2);
  address.set(bytes, isIpv4 ? 4 : 8);
  return address;
}

function setFlag(action: string, fd: number, [level, name]: readonly [number, number]): void {
  const on = Buffer.from([1, 0, 0, 0]);
  checked(action, setsockopt(fd, level, name, on, on.length));
}

function describe(at: Endpoint): string {
  return at.ip.includes(':') ? `[${at.ip}]:${at.port}` : `${at.ip}:${at.port}`;
}
