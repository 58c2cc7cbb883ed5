// How HAProxy speaks to the endpoints of a backend, as words of a server's line. Pure.

import type { BackendTls, ProxyBackend } from '../model/gateway.ts';
import type { Shape } from './backend-slots.ts';
import type { TlsFiles } from './render-tls.ts';

export interface ServerOptions {
  readonly options: string;
  /** Why it cannot be spoken to as it is wanted. */
  readonly problem: string | undefined;
}

const H2 = 'proto h2';
const HOSTNAME = /^[A-Za-z0-9]([A-Za-z0-9_.-]{0,251}[A-Za-z0-9])?$/;
/** The authorities of the machine. */
const SYSTEM_AUTHORITIES = '@system-ca';

export function blankOptions(shape: Shape): string {
  return shape.startsWith('h2c') ? H2 : '';
}

export function serverOptions({ protocol, tls }: ProxyBackend, files: TlsFiles): ServerOptions {
  if (tls === undefined) return { options: protocol === 'h2c' ? H2 : '', problem: undefined };
  const words = tlsWords(tls, files);
  if (typeof words === 'string') return { options: '', problem: words };
  return { options: [...words, ...(protocol === 'h2c' ? ['alpn h2'] : [])].join(' '), problem: undefined };
}

/** The problem as text where there is one. */
function tlsWords(tls: BackendTls, files: TlsFiles): readonly string[] | string {
  if (!tls.isVerified) return ['ssl verify none'];
  const { hostname, authorities, clientCertificate } = tls;
  if (!HOSTNAME.test(hostname)) return 'its hostname is none';
  const file = authorities.length === 0 ? SYSTEM_AUTHORITIES : files.authorities(authorities);
  if (file === undefined) return 'its authorities are not there';
  const client = clientCertificate === undefined ? undefined : files.certificate(clientCertificate);
  if (clientCertificate !== undefined && client === undefined) return 'its client certificate is not there';
  return [
    // Looked for in the certificate is what `sni` says, whatever `verifyhost` says (ssl_sock_srv_verifycbk of 2.6).
    `ssl verify required ca-file ${file} sni str(${hostname}) verifyhost ${hostname}`,
    ...(client === undefined ? [] : [`crt ${client}`]),
  ];
}
