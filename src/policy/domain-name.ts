// A domain name as a destination: somewhere outside, at an address that it was answered with. Which one, nobody can say here, and no rule about names asks.

import type { Family, Ip } from '../base/ip.ts';
import { FairleadError } from '../base/errors.ts';
import { outsideSamples } from './outside-samples.ts';
import type { PolicyWorld } from './policy-world.ts';

/** In lower case, without a dot at the end; undefined for what cannot be one. A name of one label is somebody in the cluster. */
export function readDomainName(text: string): string | undefined {
  const name = text.toLowerCase().replace(/\.$/, '');
  const isName =
    name.length <= 253 && /^([a-z0-9_]([-a-z0-9_]*[a-z0-9])?\.)+[a-z]([-a-z0-9]*[a-z0-9])?$/.test(name);
  return isName ? name : undefined;
}

/** An address that stands for the name's: in no block that policies name but those of everything. Throws `invalid` where they name every address. */
export function addressOfName({ objects }: PolicyWorld, name: string, family: Family): Ip {
  const sample = outsideSamples([objects], family, []).find((it) => it.name === 'outside');
  if (sample === undefined)
    throw new FairleadError(
      'invalid',
      `Cannot ask about ${name}: policies name every address of IPv${family}, ask about one`,
    );
  return sample.ip;
}
