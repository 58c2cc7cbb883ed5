// The quality-of-service class of a pod, from the requests and limits of its containers.

import { listOf, objectOf, type Draft } from '../../objects/json.ts';

const COUNTED = ['cpu', 'memory'];

/** Guaranteed: all limits set and equal to the requests; BestEffort: none set; else Burstable. */
export function qosClassOf(spec: Readonly<Draft>): 'Guaranteed' | 'Burstable' | 'BestEffort' {
  const containers = [...listOf(spec['initContainers']), ...listOf(spec['containers'])].map((container) => {
    const resources = objectOf(objectOf(container)['resources']);
    return { requests: objectOf(resources['requests']), limits: objectOf(resources['limits']) };
  });
  const isSet = (amounts: Readonly<Draft>): boolean => COUNTED.some((name) => amounts[name] !== undefined);
  if (!containers.some(({ requests, limits }) => isSet(requests) || isSet(limits))) return 'BestEffort';
  const isGuaranteed = containers.every(({ requests, limits }) =>
    COUNTED.every((name) => limits[name] !== undefined && (requests[name] ?? limits[name]) === limits[name]),
  );
  return isGuaranteed ? 'Guaranteed' : 'Burstable';
}
