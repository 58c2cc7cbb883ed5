// A request of HTTP/2 with whatever bytes in its fields: libraries refuse to send what a proxy has to refuse to take (RFC 9113 8.2.1).

import { connect } from 'node:net';

const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
const TYPES = { headers: 1, reset: 3, settings: 4, goAway: 7 } as const;
const END_STREAM_AND_HEADERS = 0x5;
const FRAME_HEADER = 9;

export interface RawEndpoint {
  readonly host: string;
  readonly port: number;
}

/** How the first frame about the request says it is: `answered`, or refused by a reset of the stream or of the connection. */
export function askRaw(
  { host, port }: RawEndpoint,
  fields: Readonly<Record<string, string>>,
): Promise<'answered' | 'refused'> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, host);
    let received = Buffer.alloc(0);
    const end = (how: 'answered' | 'refused'): void => {
      socket.destroy();
      resolve(how);
    };
    socket.setTimeout(5000, () => socket.destroy(new Error('no answer')));
    socket.on('data', (data: Buffer) => {
      received = Buffer.concat([received, data]);
      const types = frameTypes(received);
      if (types.includes(TYPES.headers)) end('answered');
      else if (types.includes(TYPES.reset) || types.includes(TYPES.goAway)) end('refused');
    });
    socket.once('error', reject);
    socket.once('close', () => resolve('refused'));
    const block = Buffer.concat(Object.entries(fields).map(literal));
    const frames = [
      frame(TYPES.settings, 0, 0, Buffer.alloc(0)),
      frame(TYPES.headers, END_STREAM_AND_HEADERS, 1, block),
    ];
    socket.write(Buffer.concat([PREFACE, ...frames]));
  });
}

function frameTypes(bytes: Buffer): readonly number[] {
  const types: number[] = [];
  for (let at = 0; at + FRAME_HEADER <= bytes.length; at += FRAME_HEADER + bytes.readUIntBE(at, 3))
    types.push(bytes.readUInt8(at + 3));
  return types;
}

function frame(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const header = Buffer.alloc(FRAME_HEADER);
  header.writeUIntBE(payload.length, 0, 3);
  header.writeUInt8(type, 3);
  header.writeUInt8(flags, 4);
  header.writeUInt32BE(stream, 5);
  return Buffer.concat([header, payload]);
}

/** "Literal Header Field without Indexing -- New Name" (RFC 7541 6.2.2), of fewer than 127 bytes each. */
function literal([name, value]: readonly [string, string]): Buffer {
  const text = (it: string): Buffer => Buffer.concat([Buffer.from([it.length]), Buffer.from(it, 'latin1')]);
  return Buffer.concat([Buffer.from([0]), text(name), text(value)]);
}
