// Certificates, authorities and which name is shown which certificate, as files that HAProxy starts from and that its command socket changes one by one. Pure.

import type {
  ClientValidation,
  HttpsListener,
  ProxyModel,
  TlsEndListener,
  TlsPort,
} from '../model/gateway.ts';
import { compareSpecificity, covers, mostSpecific, patternOf } from './host-patterns.ts';
import { BUFFER_BYTES, proxyFiles, type ProxyFiles, type ProxyPlace } from './proxy-place.ts';
import { contentName } from './proxy-text.ts';

export interface PemFile {
  readonly kind: 'certificate' | 'authorities';
  readonly pem: string;
  /** What of the model it is, for reports. */
  readonly of: string;
}

/** Listeners of a port where TLS ends in the same way: as HTTP or as bytes. */
export type TlsRole = 'https' | 'end';

export interface TlsFiles {
  /** By path. */
  readonly pems: ReadonlyMap<string, PemFile>;
  /** Lines of crt-lists, by path. */
  readonly lists: ReadonlyMap<string, readonly string[]>;
  /** What is too long for a command, so that only a reload brings it; empty where there is none. */
  readonly structure: string;
  /** Ports' binds: the crt-list, and what holds for a name that no line of it has. Without an entry no certificate is fit to be shown there. */
  bind(port: number, role: TlsRole): { readonly list: string; readonly options: string } | undefined;
  /** The file of these authorities; undefined where one is not there. */
  authorities(ids: readonly string[]): string | undefined;
  certificate(id: string): string | undefined;
}

/** A command with its payload has to fit; the rest is for the command. */
const MAX_PEM_CHARACTERS = BUFFER_BYTES - 1024;
const PEM_BLOCK = /-----BEGIN ([A-Z0-9 ]{1,40})-----([A-Za-z0-9+/=\s]+)-----END \1-----/g;
/** A line has filters of its own always: without one HAProxy would take the certificate's names. No client asks for this one (RFC 6761). */
const NO_NAME = 'fairlead.invalid';

/** Text that HAProxy takes as this file: the file's, an earlier one where that is none, or nothing. */
export type UsablePem = (path: string, file: PemFile) => string | undefined;

export function renderTls(model: ProxyModel, place: ProxyPlace, usable: UsablePem): TlsFiles {
  const renderer = new TlsRenderer(model, proxyFiles(place.folder), usable);
  for (const port of model.ports) if (port.kind === 'tls') renderer.addPort(port);
  return renderer;
}

/** The blocks of a PEM text, without all that stands between them. */
export function cleanPem(text: string): string {
  const blocks = [...text.matchAll(PEM_BLOCK)].map(([, label = '', body = '']) => {
    const lines = body.replaceAll(/\s+/g, '').match(/.{1,64}/g) ?? [];
    return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n');
  });
  return blocks.join('');
}

class TlsRenderer implements TlsFiles {
  readonly pems = new Map<string, PemFile>();
  readonly lists = new Map<string, readonly string[]>();
  readonly #model: ProxyModel;
  readonly #files: ProxyFiles;
  readonly #usable: UsablePem;
  readonly #binds = new Map<string, { list: string; options: string }>();

  constructor(model: ProxyModel, files: ProxyFiles, usable: UsablePem) {
    this.#model = model;
    this.#files = files;
    this.#usable = usable;
  }

  get structure(): string {
    const long = [...this.pems].filter(([, it]) => it.pem.length > MAX_PEM_CHARACTERS);
    return long.map(([path, it]) => `${path} ${contentName(it.pem)}`).join('\n');
  }

  bind(port: number, role: TlsRole): { readonly list: string; readonly options: string } | undefined {
    return this.#binds.get(`${port} ${role}`);
  }

  authorities(ids: readonly string[]): string | undefined {
    const path = this.#files.pem('authorities', contentName(ids.join('\n')));
    const pems = ids.map((it) => cleanPem(this.#model.authorities.get(it) ?? ''));
    return this.#put(path, {
      kind: 'authorities',
      pem: pems.includes('') ? '' : pems.join(''),
      of: ids.join(', '),
    });
  }

  certificate(id: string): string | undefined {
    const pem = cleanPem(this.#model.certificates.get(id)?.pem ?? '');
    return this.#put(this.#files.pem('certificate', contentName(id)), { kind: 'certificate', pem, of: id });
  }

  addPort(port: TlsPort): void {
    for (const role of ['https', 'end'] as const) this.#addRole(port, role);
  }

  #addRole({ port, listeners }: TlsPort, role: TlsRole): void {
    const all = new Map(listeners.flatMap((it) => patternOf(it.hostname) ?? []).map((it) => [it, it]));
    const ours = listeners
      .filter((it) => it.kind === 'https' || it.kind === 'tls-end')
      .filter((it) => (it.kind === 'https') === (role === 'https') && patternOf(it.hostname) !== undefined)
      .sort((a, b) => compareSpecificity(patternOf(a.hostname) ?? '', patternOf(b.hostname) ?? ''));
    const lines = ours.flatMap((it) => this.#linesOf(it, all));
    // What a client is shown that names nothing, or what no line has: the least specific listener's, which is that for every name where there is one.
    const last = ours.findLast((it) => this.#certificates(it).length > 0);
    const shown = last === undefined ? undefined : this.#certificates(last)[0];
    if (last === undefined || shown === undefined) return;
    const pem = this.pems.get(shown.path)?.pem ?? '';
    const path = this.#files.pem('certificate', `${port}-${role}`);
    this.pems.set(path, { kind: 'certificate', pem, of: shown.id });
    const list = this.#files.list(port, role);
    this.lists.set(list, [`${path} ${NO_NAME}`, ...lines]);
    const verify = last.hostname === undefined ? (this.#validation(last.tls.clientValidation) ?? '') : '';
    // HAProxy 2.6 lets in a wrong certificate for a whole port or for none of its names: where one name wants it, the others' wrong ones are refused later.
    const isLax = ours.some((it) => it.tls.clientValidation?.isRequired === false);
    const options = [verify, isLax ? 'ca-ignore-err all crt-ignore-err all' : ''].filter((it) => it !== '');
    this.#binds.set(`${port} ${role}`, { list, options: options.join(' ') });
  }

  #linesOf(listener: HttpsListener | TlsEndListener, all: ReadonlyMap<string, string>): readonly string[] {
    const own = patternOf(listener.hostname) ?? '';
    const isOurs = (name: string): boolean => mostSpecific(all, name) === own;
    const options = this.#validation(listener.tls.clientValidation);
    // Without the authorities that are to be asked nobody may come in.
    if (options === undefined) return [];
    const certificates = this.#certificates(listener);
    const taken = new Set<string>();
    const lines = certificates.map(({ path, id }) => {
      const names = (this.#model.certificates.get(id)?.names ?? []).map((it) => it.toLowerCase());
      const known = names.filter((it) => patternOf(it) !== undefined && covers(own, it) && isOurs(it));
      const filters = known.filter((it) => !taken.has(it));
      for (const it of filters) taken.add(it);
      return { path, filters };
    });
    const [first] = lines;
    if (first !== undefined && own !== '*' && !taken.has(own)) first.filters.push(own);
    return lines
      .filter((it) => it.filters.length > 0)
      .map(
        ({ path, filters }) => `${path} [${options === '' ? 'verify none' : options}] ${filters.join(' ')}`,
      );
  }

  #certificates(
    listener: HttpsListener | TlsEndListener,
  ): readonly { readonly id: string; readonly path: string }[] {
    return listener.tls.certificates.flatMap((id) => {
      const path = this.certificate(id);
      return path === undefined ? [] : [{ id, path }];
    });
  }

  /** Undefined where it cannot be kept. */
  #validation(validation: ClientValidation | undefined): string | undefined {
    if (validation === undefined) return '';
    const file = this.authorities(validation.authorities);
    if (file === undefined) return undefined;
    return `verify ${validation.isRequired ? 'required' : 'optional'} ca-file ${file}`;
  }

  #put(path: string, file: PemFile): string | undefined {
    const pem = this.#usable(path, file);
    if (pem === undefined) return undefined;
    this.pems.set(path, { ...file, pem });
    return path;
  }
}
