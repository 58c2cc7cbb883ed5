// DNS for tests, by an independent codec (dns-packet): questions as words, answers as lines of a zone file that a reader can check.

import { Buffer } from 'node:buffer';
import packet, { type Answer, type DecodedPacket, type RecordType } from 'dns-packet';

export interface AskOptions {
  /** UDP size by EDNS; leave out for none. */
  readonly edns?: number;
  readonly id?: number;
}

/** The octets of a question like "web.shop.svc.cluster.local A". */
export function question(text: string, options: AskOptions = {}): Buffer {
  const [name = '', type = 'A'] = text.split(' ');
  return packet.encode({
    type: 'query',
    id: options.id ?? 4711,
    flags: packet.RECURSION_DESIRED,
    questions: [{ name, type: type as RecordType, class: 'IN' }],
    ...(options.edns === undefined
      ? {}
      : {
          additionals: [
            {
              type: 'OPT',
              name: '.',
              udpPayloadSize: options.edns,
              flags: 0,
              extendedRcode: 0,
              ednsVersion: 0,
              flag_do: false,
              options: [],
            },
          ],
        }),
  });
}

/** "NOERROR aa" and one line per record: "answer web.shop.svc.cluster.local 5 A 10.96.0.7". */
export function answerText(bytes: Uint8Array): string[] {
  const message = packet.decode(Buffer.from(bytes));
  const flags = [
    message.flag_aa ? ' aa' : '',
    message.flag_tc ? ' tc' : '',
    message.flag_ra ? '' : ' no-ra',
  ].join('');
  return [
    `${rcodeOf(message)}${flags}`,
    ...lines('answer', message.answers),
    ...lines('authority', message.authorities),
    ...lines('additional', message.additionals),
  ];
}

function rcodeOf(message: DecodedPacket): string {
  // The type of the package leaves the code out.
  return (message as unknown as { rcode: string }).rcode;
}

function lines(section: string, records: readonly Answer[] = []): string[] {
  return records
    .filter((record) => record.type !== 'OPT')
    .map((record) => {
      const ttl = 'ttl' in record ? record.ttl : 0;
      return `${section} ${record.name} ${ttl} ${record.type} ${dataText(record)}`;
    });
}

function dataText(record: Answer): string {
  switch (record.type) {
    case 'SRV':
      return `${record.data.priority} ${record.data.weight} ${record.data.port} ${record.data.target}`;
    case 'SOA':
      return `${record.data.mname} ${record.data.rname} ${record.data.serial} ${record.data.minimum}`;
    case 'TXT':
      return [record.data].flat().map(String).join(' ');
    default: {
      const data: unknown = 'data' in record ? record.data : '';
      return typeof data === 'string' ? data : JSON.stringify(data);
    }
  }
}
