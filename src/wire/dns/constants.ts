// Numbers of the DNS protocol as IANA keeps them (https://www.iana.org/assignments/dns-parameters), with the registry's names.

/** Record and question types that Fairlead names; every other number is legal and stays a number. */
export const TYPE = {
  A: 1,
  NS: 2,
  CNAME: 5,
  SOA: 6,
  PTR: 12,
  MX: 15,
  TXT: 16,
  AAAA: 28,
  SRV: 33,
  NAPTR: 35,
  DS: 43,
  DNSKEY: 48,
  SVCB: 64,
  HTTPS: 65,
  OPT: 41,
  IXFR: 251,
  AXFR: 252,
  ANY: 255,
} as const;

export const CLASS_IN = 1;

export const OPCODE_QUERY = 0;

/** RFC 1035 4.1.1, RFC 6891 9; the upper eight bits of those above 15 travel in the OPT record. */
export const RCODE = {
  NOERROR: 0,
  FORMERR: 1,
  SERVFAIL: 2,
  NXDOMAIN: 3,
  NOTIMP: 4,
  REFUSED: 5,
  BADVERS: 16,
} as const;

/** Octets of a whole name on the wire, length octets and root included (RFC 1035 2.3.4). */
export const MAX_NAME_BYTES = 255;
export const MAX_LABEL_BYTES = 63;
export const HEADER_BYTES = 12;
/** What every client can take by UDP without EDNS (RFC 1035 4.2.1). */
export const PLAIN_UDP_BYTES = 512;
/** The largest message that TCP's length prefix can announce. */
export const MAX_MESSAGE_BYTES = 65_535;

const RCODE_NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(RCODE).map(([name, code]) => [code, name]),
);

/** "NXDOMAIN", or "RCODE11" for one without a name. */
export function rcodeName(rcode: number): string {
  return RCODE_NAMES.get(rcode) ?? `RCODE${rcode}`;
}
