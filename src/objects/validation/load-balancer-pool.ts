// Validation of our LoadBalancerPools.

import { messageOf } from '../../base/errors.ts';
import { parseIpRange, rangesOverlap, type IpRange } from '../../base/ip-range.ts';
import { listOf, objectOf, type Draft } from '../json.ts';
import { duplicate, invalidValue, required, type FieldError } from './field-error.ts';
import { validateSelector } from './selectors.ts';

export function validateLoadBalancerPool(pool: Readonly<Draft>): readonly FieldError[] {
  const spec = objectOf(pool['spec']);
  const cidrs = listOf(spec['cidrs']).map(String);
  return [
    ...(cidrs.length === 0 ? [required('spec.cidrs', 'at least one prefix or range')] : []),
    ...validateRanges(cidrs),
    ...validateSelector(spec['namespaceSelector'], 'spec.namespaceSelector'),
    ...validateSelector(spec['serviceSelector'], 'spec.serviceSelector'),
  ];
}

/** Within a pool no address stands twice, or what is free would be counted wrong. */
function validateRanges(texts: readonly string[]): readonly FieldError[] {
  const seen: IpRange[] = [];
  return texts.flatMap((text, i) => {
    try {
      const range = parseIpRange(text);
      const isNew = !seen.some((it) => rangesOverlap(it, range));
      seen.push(range);
      return isNew ? [] : [duplicate(`spec.cidrs[${i}]`, text)];
    } catch (error) {
      return [invalidValue(`spec.cidrs[${i}]`, text, messageOf(error))];
    }
  });
}
