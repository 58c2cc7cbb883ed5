// DNS over a byte stream: each message behind its length in two octets (RFC 1035 4.2.2). Pure.

/** Cuts a stream into messages; holds at most one message that is not complete. */
export class MessageFramer {
  readonly #maxBytes: number;
  #rest: Buffer = Buffer.alloc(0);

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Nothing of a message waits for the rest of it. */
  get isWhole(): boolean {
    return this.#rest.length === 0;
  }

  /** The messages that `chunk` completes; undefined where one is announced longer than the bound, after which the stream is lost. */
  push(chunk: Buffer): readonly Buffer[] | undefined {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const messages: Buffer[] = [];
    let at = 0;
    while (bytes.length - at >= 2) {
      const length = bytes.readUInt16BE(at);
      if (length > this.#maxBytes) return undefined;
      if (bytes.length - at - 2 < length) break;
      messages.push(bytes.subarray(at + 2, at + 2 + length));
      at += 2 + length;
    }
    this.#rest = bytes.subarray(at);
    return messages;
  }
}

/** The message behind its length. */
export function frameMessage(message: Buffer): Buffer {
  const framed = Buffer.allocUnsafe(message.length + 2);
  framed.writeUInt16BE(message.length, 0);
  message.copy(framed, 2);
  return framed;
}
