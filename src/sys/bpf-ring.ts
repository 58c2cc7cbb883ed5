// Reads a BPF ring buffer on the event loop: bounded work per turn, so that whoever fills the ring cannot hold the process.

import koffi from 'koffi';
import { kernelError } from './errno.ts';
import * as bpf from './bpf-libbpf.ts';

/** An open reader; the ring has one at a time. */
export interface BpfRing {
  /** Reads what is there now, at most one batch; gives the number of records. */
  drain(): number;
  close(): void;
}

/** Records per turn and the pause between two full turns: some 25,000 records a second, the ring loses the rest and counts it. */
const BATCH = 512;
const PAUSE_MS = 20;
/** What the callback returns to stop a turn; libbpf hands it back. */
const ENOUGH = -11;

/** Calls `onRecord` with each record; the bytes are valid during the call alone, and it must not throw. */
export function openBpfRing(mapFd: number, onRecord: (record: Uint8Array) => void): BpfRing {
  let read = 0;
  const callback = bpf.registerSample((record) => {
    onRecord(record);
    read++;
    return read >= BATCH ? ENOUGH : 0;
  });
  const ring = bpf.ringNew(mapFd, callback, null, null);
  if (ring === null) {
    bpf.unregisterCallback(callback);
    throw kernelError({ action: 'open BPF ring', errno: bpf.lastErrno() });
  }
  const drain = (): number => {
    read = 0;
    const result = bpf.ringConsume(ring);
    if (result !== ENOUGH) bpf.checkedBpf('read BPF ring', result);
    return read;
  };
  const stopPolling = pollRing(bpf.ringEpollFd(ring), drain);
  let isOpen = true;
  const close = (): void => {
    if (!isOpen) return;
    isOpen = false;
    stopPolling();
    bpf.ringFree(ring);
    bpf.unregisterCallback(callback);
  };
  return { drain: () => (isOpen ? drain() : 0), close };
}

function pollRing(fd: number, drain: () => number): () => void {
  let pause: NodeJS.Timeout | undefined;
  const poll = koffi.node.poll(fd, { readable: true }, onReadable);
  poll.unref();
  function onReadable(): void {
    if (drain() < BATCH) return;
    poll.stop();
    pause = setTimeout(() => poll.start({ readable: true }, onReadable), PAUSE_MS);
    pause.unref();
  }
  return () => {
    clearTimeout(pause);
    poll.close();
  };
}
