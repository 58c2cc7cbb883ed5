// One netlink socket (rtnetlink where not said otherwise): sends requests, matches answers, repeats interrupted dumps. Knows messages, not what they mean.

import koffi from 'koffi';
import { FairleadError } from '../base/errors.ts';
import { readAcknowledgement, type Acknowledgement } from '../wire/netlink/acknowledgement.ts';
import { NLM_F_ACK, NLM_F_DUMP_INTR } from '../wire/netlink/constants.ts';
import { readMessages, type Message } from '../wire/netlink/reader.ts';
import { addFlags, setSequence } from '../wire/netlink/writer.ts';
import { kernelError } from './errno.ts';
import { bind, checked, close, getsockopt, ioctl, lastErrno, recv, send, setsockopt, socket } from './ffi.ts';
import { workerCall } from './worker-call.ts';

const AF_NETLINK = 16;
const SOCK_RAW = 3;
const SOCK_CLOEXEC = 0o2000000;
export const NETLINK_ROUTE = 0;
export const NETLINK_SOCK_DIAG = 4;
export const NETLINK_NETFILTER = 12;
export const NETLINK_GENERIC = 16;
const SOL_NETLINK = 270;
const NETLINK_NO_ENOBUFS = 5;
const NETLINK_CAP_ACK = 10;
const NETLINK_EXT_ACK = 11;
const NETLINK_GET_STRICT_CHK = 12;
const MSG_DONTWAIT = 0x40;
const MSG_TRUNC = 0x20;
const SIOCGIFINDEX = 0x8933;
const SIOCGIFNAME = 0x8910;
const SOL_SOCKET = 1;
const SO_SNDBUFFORCE = 32;
const SO_RCVBUFFORCE = 33;
const SO_MEMINFO = 55;
const SK_MEMINFO_WORDS = 9;
const SK_MEMINFO_DROPS = 8;
const EINTR = 4;
const EAGAIN = 11;
const ENODEV = 19;
const ENOBUFS = 105;
const EMSGSIZE = 90;

/** The kernel fills at most 32 KiB at a time (af_netlink.c, netlink_recvmsg). */
const DUMP_BUFFER_BYTES = 65536;
/** An acknowledgement is below 200 bytes, a single link below 4 KiB. */
const ANSWER_BUFFER_BYTES = 8192;
const MAX_DUMP_ATTEMPTS = 20;
/** After so many full buffers of one dump other work gets its turn: about 8,000 routes, 5 ms. */
const DUMP_READS_PER_TURN = 16;

/** What the kernel books for a datagram beside its bytes (af_netlink.c, netlink_sendmsg). */
const SEND_OVERHEAD_BYTES = 4096;
/** What it books for one acknowledgement or error. */
const ANSWER_BOOKED_BYTES = 1024;

/** A refusal in the kernel's own words: errno and text. */
export type Answer = Acknowledgement;

export class NetlinkSocket {
  readonly #fd: number;
  #sequence = 1;
  readonly #answerBuffer = Buffer.allocUnsafeSlow(ANSWER_BUFFER_BYTES);
  #dumpBuffer: Buffer | undefined;
  #sendBytes = 65536;
  #receiveBytes = 65536;
  readonly #ifreq = Buffer.alloc(40);

  /**
   * Opens the socket in the namespace of the calling thread; it stays there. `groups` is the bit mask of multicast groups to join
   * (RTMGRP_*); such a socket is for `receive`, its answers would be lost between notifications.
   */
  constructor(protocol = NETLINK_ROUTE, groups = 0) {
    const action = 'open netlink socket';
    this.#fd = checked(action, socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol));
    const on = Buffer.from([1, 0, 0, 0]);
    for (const option of [NETLINK_CAP_ACK, NETLINK_EXT_ACK, NETLINK_GET_STRICT_CHK]) {
      checked(action, setsockopt(this.#fd, SOL_NETLINK, option, on, on.length));
    }
    const address = Buffer.alloc(12);
    address.writeUInt16LE(AF_NETLINK, 0);
    address.writeUInt32LE(groups, 8);
    checked(action, bind(this.#fd, address, address.length));
  }

  get fd(): number {
    return this.#fd;
  }

  /** Sets how much the kernel keeps for a reader that is behind; root may go past the machine's limit. */
  setReceiveBuffer(bytes: number): void {
    const value = Buffer.alloc(4);
    value.writeUInt32LE(bytes, 0);
    const action = 'set receive buffer of netlink socket';
    checked(action, setsockopt(this.#fd, SOL_SOCKET, SO_RCVBUFFORCE, value, value.length));
  }

  /** Room for a datagram of so many bytes that is answered so many times; root may go past the machine's limit. */
  #makeRoom(bytes: number, answers: number): void {
    const action = 'grow buffers of netlink socket';
    const value = Buffer.alloc(4);
    if (bytes + SEND_OVERHEAD_BYTES > this.#sendBytes) {
      this.#sendBytes = bytes + SEND_OVERHEAD_BYTES;
      value.writeUInt32LE(this.#sendBytes, 0);
      checked(action, setsockopt(this.#fd, SOL_SOCKET, SO_SNDBUFFORCE, value, value.length));
    }
    if (answers * ANSWER_BOOKED_BYTES <= this.#receiveBytes) return;
    this.#receiveBytes = answers * ANSWER_BOOKED_BYTES;
    this.setReceiveBuffer(this.#receiveBytes);
  }

  /**
   * Makes the socket one that listens: what does not fit its buffer is counted (`dropCount`) instead of reported as an error, because libuv
   * stops polling a socket that reports one.
   */
  startListening(): void {
    const on = Buffer.from([1, 0, 0, 0]);
    checked('listen on netlink socket', setsockopt(this.#fd, SOL_NETLINK, NETLINK_NO_ENOBUFS, on, on.length));
  }

  /** Messages that the kernel has dropped so far because this socket's buffer was full (SO_MEMINFO, Linux 4.12). */
  get dropCount(): number {
    const words = Buffer.alloc(4 * SK_MEMINFO_WORDS);
    const length: [number] = [words.length];
    checked('read drops of netlink socket', getsockopt(this.#fd, SOL_SOCKET, SO_MEMINFO, words, length));
    return words.readUInt32LE(4 * SK_MEMINFO_DROPS);
  }

  /** The messages of the next datagram (valid until the next call), undefined where none is ready. */
  receive(): readonly Message[] | undefined {
    const buffer = (this.#dumpBuffer ??= Buffer.allocUnsafeSlow(DUMP_BUFFER_BYTES));
    const length = recv(this.#fd, buffer, buffer.length, MSG_DONTWAIT | MSG_TRUNC);
    if (length > buffer.length) throw kernelError({ action: 'read netlink socket', errno: EMSGSIZE });
    if (length >= 0) return readMessages(buffer.subarray(0, length));
    const errno = lastErrno();
    if (errno === EAGAIN || errno === EINTR) return undefined;
    throw kernelError({ action: 'read netlink socket', errno });
  }

  /** Sends one request and reads its acknowledgement; the kernel works inside of the send, so both are over at once. */
  request(message: Uint8Array): Answer {
    const sequence = this.#stamp(message);
    if (send(this.#fd, message, message.length, 0) < 0) return { errno: lastErrno(), text: undefined };
    return this.#answer(sequence);
  }

  /**
   * Sends messages as one datagram (a netfilter transaction: the first one begins it, the last one ends it) and reads what the kernel says
   * of them: refusals by the position of their message, none where all was done. The kernel works inside of the send.
   */
  batch(action: string, messages: readonly Uint8Array[]): ReadonlyMap<number, Answer> {
    // Only the last change asks: kernels before 6.10 do not acknowledge the end of a batch.
    return this.#exchange(action, messages, messages.at(-2));
  }

  /** Sends requests that stand for themselves as one datagram: those that are not refused are done. Refusals by position. */
  pipeline(action: string, messages: readonly Uint8Array[]): ReadonlyMap<number, Answer> {
    return this.#exchange(action, messages, messages.at(-1));
  }

  /** One message asks for an answer where it is done; each is answered where it is refused. */
  #exchange(
    action: string,
    messages: readonly Uint8Array[],
    asked: Uint8Array | undefined,
  ): ReadonlyMap<number, Answer> {
    // The numbers of a batch follow each other: they wrap before it, not inside.
    if (this.#sequence + messages.length >= 0xffff_fffe) this.#sequence = 1;
    const first = this.#sequence + 1;
    if (asked !== undefined) addFlags(asked, NLM_F_ACK);
    for (const message of messages) this.#stamp(message);
    const bytes = Buffer.concat(messages);
    this.#makeRoom(bytes.length, messages.length);
    checked(action, send(this.#fd, bytes, bytes.length, 0));
    return this.#batchAnswers(action, first, messages.length);
  }

  #batchAnswers(action: string, first: number, count: number): ReadonlyMap<number, Answer> {
    const refusals = new Map<number, Answer>();
    let isAnswered = false;
    for (;;) {
      const length = recv(this.#fd, this.#answerBuffer, ANSWER_BUFFER_BYTES, MSG_DONTWAIT | MSG_TRUNC);
      if (length < 0) break;
      if (length > ANSWER_BUFFER_BYTES) throw kernelError({ action, errno: EMSGSIZE });
      for (const message of readMessages(this.#answerBuffer.subarray(0, length))) {
        const answer = readAcknowledgement(message);
        const at = message.sequence - first;
        if (answer === undefined || at < 0 || at >= count) continue;
        isAnswered = true;
        if (answer.errno !== 0 && !refusals.has(at)) refusals.set(at, answer);
      }
    }
    if (lastErrno() !== EAGAIN) throw kernelError({ action, errno: lastErrno() });
    if (!isAnswered) throw kernelError({ action, errno: ENOBUFS, detail: 'no acknowledgement' });
    return refusals;
  }

  /** The same for requests in which the kernel waits (unregistering a device waits for RCU): sent by a worker thread. */
  async requestSlow(message: Uint8Array): Promise<Answer> {
    const sequence = this.#stamp(message);
    const errno = await workerCall<number>((done) => {
      send.async(this.#fd, message, message.length, 0, (_error, result) =>
        // Naming `message` here also keeps its memory alive while the thread reads it.
        done(result === message.length ? 0 : koffi.errno()),
      );
    });
    return errno === 0 ? this.#answer(sequence) : { errno, text: undefined };
  }

  /** Asks for one object; undefined where the kernel says that there is none (ENODEV). */
  get<T>(action: string, message: Uint8Array, decode: (message: Message) => T): T | undefined {
    const sequence = this.#stamp(message);
    checked(action, send(this.#fd, message, message.length, 0));
    for (const answer of this.#receive(this.#answerBuffer)) {
      if (answer.sequence !== sequence) continue;
      const acknowledgement = readAcknowledgement(answer);
      if (acknowledgement === undefined) return decode(answer);
      if (acknowledgement.errno === ENODEV) return undefined;
      throw kernelError({ action, errno: acknowledgement.errno, detail: acknowledgement.text });
    }
    throw new FairleadError('kernel', `Cannot ${action}: no answer`);
  }

  /**
   * All objects that a dump lists, decoded; undefined results are left out. A dump during which the kernel's state changed
   * is made anew, a bounded number of times, then `unavailable`.
   */
  async dump<T>(
    action: string,
    message: Uint8Array,
    decode: (message: Message) => T | undefined,
  ): Promise<readonly T[]> {
    for (let attempt = 0; attempt < MAX_DUMP_ATTEMPTS; attempt++) {
      const result = await this.#dumpOnce(message, decode);
      if (result.kind === 'done') return result.items;
      if (result.kind === 'refused') {
        throw kernelError({ action, errno: result.answer.errno, detail: result.answer.text });
      }
    }
    throw new FairleadError(
      'unavailable',
      `Cannot ${action}: the state changed during each of ${MAX_DUMP_ATTEMPTS} readings`,
    );
  }

  /** Index of a link by name without taking the kernel's rtnl lock; undefined where there is none. */
  indexOf(name: string): number | undefined {
    const bytes = Buffer.from(name);
    if (bytes.length === 0 || bytes.length > 15) return undefined;
    this.#ifreq.fill(0);
    bytes.copy(this.#ifreq);
    return ioctl(this.#fd, SIOCGIFINDEX, this.#ifreq) < 0 ? undefined : this.#ifreq.readInt32LE(16);
  }

  nameOf(index: number): string | undefined {
    this.#ifreq.fill(0);
    this.#ifreq.writeInt32LE(index, 16);
    if (ioctl(this.#fd, SIOCGIFNAME, this.#ifreq) < 0) return undefined;
    return this.#ifreq.toString('utf8', 0, Math.min(16, this.#ifreq.indexOf(0)));
  }

  close(): void {
    close(this.#fd);
  }

  #stamp(message: Uint8Array): number {
    // 0 is the sequence of notifications; 32 bits wrap.
    this.#sequence = this.#sequence >= 0xffff_fffe ? 1 : this.#sequence + 1;
    setSequence(message, this.#sequence);
    return this.#sequence;
  }

  #answer(sequence: number): Answer {
    // What an earlier, failed exchange left in the queue has another number and is passed over.
    for (let reads = 0; reads < DUMP_READS_PER_TURN; reads++) {
      const length = recv(this.#fd, this.#answerBuffer, ANSWER_BUFFER_BYTES, MSG_DONTWAIT | MSG_TRUNC);
      if (length < 0) return { errno: lastErrno(), text: 'no acknowledgement' };
      if (length > ANSWER_BUFFER_BYTES) continue;
      for (const message of readMessages(this.#answerBuffer.subarray(0, length))) {
        const answer = message.sequence === sequence ? readAcknowledgement(message) : undefined;
        if (answer !== undefined) return answer;
      }
    }
    return { errno: ENOBUFS, text: 'no acknowledgement' };
  }

  #receive(buffer: Buffer): readonly Message[] {
    const length = recv(this.#fd, buffer, buffer.length, MSG_DONTWAIT | MSG_TRUNC);
    if (length < 0) throw kernelError({ action: 'read netlink answer', errno: lastErrno() });
    if (length > buffer.length) throw kernelError({ action: 'read netlink answer', errno: EMSGSIZE });
    return readMessages(buffer.subarray(0, length));
  }

  async #dumpOnce<T>(message: Uint8Array, decode: (message: Message) => T | undefined): Promise<Dump<T>> {
    const sequence = this.#stamp(message);
    checked('send dump request', send(this.#fd, message, message.length, 0));
    const buffer = (this.#dumpBuffer ??= Buffer.allocUnsafeSlow(DUMP_BUFFER_BYTES));
    const dump = new DumpReader(sequence, decode);
    for (let reads = 1; ; reads++) {
      for (const part of this.#receive(buffer)) dump.take(part);
      if (dump.end !== undefined) return dump.result();
      if (reads % DUMP_READS_PER_TURN === 0) await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

type Dump<T> =
  | { readonly kind: 'done'; readonly items: readonly T[] }
  | { readonly kind: 'interrupted' }
  | { readonly kind: 'refused'; readonly answer: Answer };

/** Collects one dump to its end, also past an entry that does not decode: the socket must be empty afterwards. */
class DumpReader<T> {
  readonly #sequence: number;
  readonly #decode: (message: Message) => T | undefined;
  readonly #items: T[] = [];
  #isInterrupted = false;
  #failure: unknown;
  end: Answer | undefined;

  constructor(sequence: number, decode: (message: Message) => T | undefined) {
    this.#sequence = sequence;
    this.#decode = decode;
  }

  take(message: Message): void {
    if (message.sequence !== this.#sequence || this.end !== undefined) return;
    if ((message.flags & NLM_F_DUMP_INTR) !== 0) this.#isInterrupted = true;
    this.end = readAcknowledgement(message);
    if (this.end !== undefined || this.#failure !== undefined) return;
    try {
      const item = this.#decode(message);
      if (item !== undefined) this.#items.push(item);
    } catch (error) {
      this.#failure = error;
    }
  }

  result(): Dump<T> {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.end !== undefined && this.end.errno !== 0) return { kind: 'refused', answer: this.end };
    return this.#isInterrupted ? { kind: 'interrupted' } : { kind: 'done', items: this.#items };
  }
}
