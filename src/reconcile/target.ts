// What every programmed thing looks like to the engine: desired and observed are keyed states, the target makes one into the other.

/**
 * A place that holds keyed entries: kernel routes, BPF map entries, nft elements. The engine computes differences and retries;
 * the target only moves entries. All three verbs are idempotent: removing what is gone is no error.
 */
export interface Target<T> {
  readonly name: string;
  /** Entries of later targets hang on this one's (routes on their link): they are observed anew when it was changed. Default false. */
  readonly isBase?: boolean;
  /** Nothing that other targets do touches its entries: after work it is not observed anew, only at resyncs. Default false. */
  readonly isIsolated?: boolean;
  /** Its entries come about without anybody's doing: to delete them is its work and no repair. Default false. */
  readonly isCollecting?: boolean;
  /** What is there now, by key; never from a memory that the kernel itself does not confirm, so that a restart depends on none of ours. */
  observe(signal: AbortSignal): Promise<ReadonlyMap<string, T>>;
  isEqual(desired: T, observed: T): boolean;
  /** Adds or changes entries; per-key failures are returned, not thrown, so that one bad entry holds back no other. */
  update(
    entries: ReadonlyMap<string, T>,
    signal: AbortSignal,
    /** What these and other keys held when they were last seen: an entry of several parts is changed by its difference. */
    seen: ReadonlyMap<string, T>,
  ): Promise<ReadonlyMap<string, unknown>>;
  /** What has to stay for a while yet fails with code `draining`: it is tried again, and shown as what it is. */
  delete(entries: ReadonlyMap<string, T>, signal: AbortSignal): Promise<ReadonlyMap<string, unknown>>;
  /** The operation as a reader would type it ("ip route replace ..."), made by the one printer of the backend; plans and logs show it. */
  print?(verb: 'update' | 'delete', key: string, entry: T): readonly string[];
}
