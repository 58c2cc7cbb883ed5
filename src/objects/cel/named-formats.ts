// format.dns1123Label().validate(text) and its like (k8s.io/apiserver/pkg/cel/library, format).

import { Optional, type Environment } from '@marcbachmann/cel-js';
import { isOfFormat } from '../custom/formats.ts';
import {
  checkDns1035Label,
  checkDnsLabel,
  checkDnsSubdomain,
  checkLabelValue,
  checkQualifiedName,
  type NameCheck,
} from '../validation/names.ts';
import type { Comparable } from './same.ts';
import { urlError } from './urls.ts';

class NamedFormat implements Comparable {
  readonly name: string;
  readonly check: NameCheck;

  constructor(name: string, check: NameCheck) {
    this.name = name;
    this.check = check;
  }

  isSame(other: unknown): boolean {
    return other === this;
  }
}

class FormatNamespace {}

const CHECKS: Readonly<Record<string, NameCheck>> = {
  dns1123Label: checkDnsLabel,
  dns1123Subdomain: checkDnsSubdomain,
  dns1035Label: checkDns1035Label,
  qualifiedName: checkQualifiedName,
  dns1123LabelPrefix: (text) => checkDnsLabel(begun(text)),
  dns1123SubdomainPrefix: (text) => checkDnsSubdomain(begun(text)),
  dns1035LabelPrefix: (text) => checkDns1035Label(begun(text)),
  labelValue: checkLabelValue,
  uri: urlError,
  uuid: (text) => (isOfFormat('uuid', text) ? undefined : 'does not match the UUID format'),
  byte: (text) => (isOfFormat('byte', text) ? undefined : 'invalid base64'),
  date: (text) => (isOfFormat('date', text) ? undefined : 'invalid date'),
  datetime: (text) => (isOfFormat('datetime', text) ? undefined : 'invalid datetime'),
};

/** A name that goes on after its last dash: what follows is a letter. */
function begun(text: string): string {
  return text.length > 1 && text.endsWith('-') ? `${text.slice(0, -1)}a` : text;
}

const FORMATS: ReadonlyMap<string, NamedFormat> = new Map(
  Object.entries(CHECKS).map(([name, check]) => [name, new NamedFormat(name, check)]),
);

export function registerFormats(environment: Environment): void {
  environment
    .registerType('NamedFormat', { ctor: NamedFormat, fields: {} })
    .registerType('FormatNamespace', { ctor: FormatNamespace, fields: {} })
    .registerConstant('format', 'FormatNamespace', new FormatNamespace())
    .registerFunction('FormatNamespace.named(string): optional<NamedFormat>', (_: unknown, name: string) =>
      Optional.of(FORMATS.get(name)),
    )
    .registerFunction(
      'NamedFormat.validate(string): optional<list<string>>',
      ({ check }: NamedFormat, text: string) => {
        const wrong = check(text);
        return wrong === undefined ? Optional.none() : Optional.of([wrong]);
      },
    );
  for (const [name, format] of FORMATS)
    environment.registerFunction(`FormatNamespace.${name}(): NamedFormat`, () => format);
}
