// The client's words on its terminal ({"Width":80,"Height":24}, cut anywhere) into the lines that the launcher reads.

import { Transform } from 'node:stream';

/** An object is some forty characters; what is longer is none. */
const MAX_PENDING_CHARS = 256;

/** A stream of "<columns> <rows>\n" lines; a client's nonsense changes no terminal. */
export function terminalSizeLines(): Transform {
  let pending = '';
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const parts = `${pending}${chunk.toString('latin1')}`.split('}');
      pending = (parts.pop() ?? '').slice(-MAX_PENDING_CHARS);
      done(null, parts.map((part) => lineOf(`${part}}`)).join(''));
    },
  });
}

function lineOf(text: string): string {
  try {
    const { Width, Height } = JSON.parse(text) as { Width?: unknown; Height?: unknown };
    return isSize(Width) && isSize(Height) ? `${Width} ${Height}\n` : '';
  } catch {
    return '';
  }
}

function isSize(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value > 0 && value < 65_536;
}
