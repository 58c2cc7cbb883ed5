// Which certificates are fit for HAProxy: looked at before it is given them, since one that it does not take would keep it from starting at all, and remembered where
// it refuses one nevertheless. In the place of one that is not fit stays the one before.

import { X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import { messageOf } from '../base/errors.ts';
import type { PemFile } from './render-tls.ts';

export class PemJudge {
  /** Reasons by path, of the text that is wanted there. */
  #verdicts = new Map<string, { readonly pem: string; readonly reason: string | undefined }>();
  /** By path: what HAProxy has taken last. */
  readonly #lastGood: Map<string, string>;
  #problems = new Map<string, string>();

  constructor(lastGood: ReadonlyMap<string, string>) {
    this.#lastGood = new Map(lastGood);
  }

  /** Of what was asked about since `begin`, by what it is of. */
  get problems(): ReadonlyMap<string, string> {
    return this.#problems;
  }

  begin(): void {
    this.#problems = new Map();
  }

  usable(path: string, file: PemFile): string | undefined {
    let verdict = this.#verdicts.get(path);
    if (verdict?.pem !== file.pem)
      this.#verdicts.set(path, (verdict = { pem: file.pem, reason: reasonAgainst(file) }));
    if (verdict.reason === undefined) return file.pem;
    this.#problems.set(file.of, verdict.reason);
    return this.#lastGood.get(path);
  }

  refuse(path: string, pem: string, reason: string): void {
    this.#verdicts.set(path, { pem, reason });
    if (this.#lastGood.get(path) === pem) this.#lastGood.delete(path);
  }

  /** HAProxy has these now; all others are forgotten. */
  keep(pems: ReadonlyMap<string, PemFile>): void {
    this.#lastGood.clear();
    for (const [path, { pem }] of pems) this.#lastGood.set(path, pem);
    this.#verdicts = new Map([...this.#verdicts].filter(([path]) => pems.has(path)));
  }
}

/** By OpenSSL as Debian has it set, which refuses short keys and old digests. */
const CIPHERS = 'DEFAULT@SECLEVEL=2';

function reasonAgainst({ kind, pem }: PemFile): string | undefined {
  if (pem === '') return 'it is not there';
  try {
    if (kind === 'certificate') createSecureContext({ cert: pem, key: pem, ciphers: CIPHERS });
    else
      for (const [block] of pem.matchAll(/-----BEGIN .*?-----END CERTIFICATE-----/gs)) readAuthority(block);
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}

function readAuthority(pem: string): void {
  // The constructor is the parser; there is nothing to do with what it makes.
  void new X509Certificate(pem);
}
