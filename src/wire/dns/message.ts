// Messages, questions and records as readonly data, independent of their place on the wire (RFC 1035 4, RFC 6891).

import type { Ip } from '../../base/ip.ts';
import type { DnsName } from './name.ts';

export interface DnsMessage {
  /** 16 bits. */
  readonly id: number;
  readonly opcode: number;
  /** The whole code of 12 bits, the OPT record's part included. */
  readonly rcode: number;
  readonly isResponse: boolean;
  readonly isAuthoritative: boolean;
  readonly isTruncated: boolean;
  readonly isRecursionDesired: boolean;
  readonly isRecursionAvailable: boolean;
  readonly isAuthenticData: boolean;
  readonly isCheckingDisabled: boolean;
  readonly questions: readonly Question[];
  readonly answers: readonly ResourceRecord[];
  readonly authorities: readonly ResourceRecord[];
  /** Without the OPT record, which is `edns`. */
  readonly additionals: readonly ResourceRecord[];
  readonly edns: Edns | undefined;
}

export interface Question {
  readonly name: DnsName;
  readonly typeCode: number;
  readonly classCode: number;
}

export interface Edns {
  /** The largest UDP payload the sender takes; values below 512 mean 512. */
  readonly udpPayloadBytes: number;
  readonly version: number;
  readonly isDnssecOk: boolean;
  readonly options: readonly EdnsOption[];
}

export interface EdnsOption {
  readonly code: number;
  readonly data: Uint8Array;
}

export interface ResourceRecord {
  readonly name: DnsName;
  readonly classCode: number;
  /** Seconds, 31 bits; larger values on the wire are read as 0 (RFC 2181 8). */
  readonly ttlS: number;
  readonly data: RecordData;
}

export type RecordData =
  | { readonly kind: 'a'; readonly ip: Ip }
  | { readonly kind: 'aaaa'; readonly ip: Ip }
  | { readonly kind: 'cname'; readonly target: DnsName }
  | { readonly kind: 'ns'; readonly target: DnsName }
  | { readonly kind: 'ptr'; readonly target: DnsName }
  | ({ readonly kind: 'srv'; readonly target: DnsName } & SrvFields)
  /** Each string up to 255 octets. */
  | { readonly kind: 'txt'; readonly strings: readonly Uint8Array[] }
  | ({ readonly kind: 'soa' } & SoaFields)
  | { readonly kind: 'mx'; readonly preference: number; readonly target: DnsName }
  /** Any other type, as bytes: safe to pass on because RFC 3597 forbids compression within it. */
  | { readonly kind: 'unknown'; readonly typeCode: number; readonly bytes: Uint8Array };

export interface SrvFields {
  readonly priority: number;
  readonly weight: number;
  readonly port: number;
}

export interface SoaFields {
  readonly primary: DnsName;
  readonly mailbox: DnsName;
  readonly serial: number;
  readonly refreshS: number;
  readonly retryS: number;
  readonly expireS: number;
  /** Caps the time a negative answer is kept (RFC 2308 4). */
  readonly minimumS: number;
}
