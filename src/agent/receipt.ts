// How far a node is: the API's resource versions up to which kernel and names are as the objects want them. Whoever made a
// change compares its version with these and knows whether the node carries it.

import type { Compiled } from './view-loop.ts';

/** Kind -> resource version; empty until the node has converged for the first time. */
export type ProgrammedVersions = Readonly<Record<string, string>>;

export interface ReceiptSources {
  /** Of the store as it is now, compiled or not. */
  readonly storeRevision: () => number;
  /** True when the kernel is as the newest compiled state wants it. */
  readonly isConverged: () => boolean;
  /** True when names are answered from the newest compiled state. */
  readonly hasNames: () => boolean;
  /** How far each kind's watch has read. */
  readonly versions: () => ProgrammedVersions;
}

export class Receipt {
  readonly #sources: ReceiptSources;
  #compiledRevision: number | undefined;
  #programmed: ProgrammedVersions = {};

  constructor(sources: ReceiptSources) {
    this.#sources = sources;
  }

  /** To be told of every compilation, before what came of it is handed on. */
  compiled({ storeRevision }: Pick<Compiled, 'storeRevision'>): void {
    this.#compiledRevision = storeRevision;
  }

  /**
   * To be asked after every pass too: under constant change the moments at which all is as wanted are short.
   * What a watch has read and the store dropped as no change counts as programmed.
   */
  programmed(): ProgrammedVersions {
    const { storeRevision, isConverged, hasNames, versions } = this.#sources;
    if (storeRevision() === this.#compiledRevision && isConverged() && hasNames())
      this.#programmed = versions();
    return this.#programmed;
  }
}
