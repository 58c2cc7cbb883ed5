// How kubectl shows ClusterNetworkPolicies: the columns of their custom resource.

import { scalarText } from '../../objects/json.ts';
import { AGE, ageOf, column, NAME, specOf, type Printer } from './printer.ts';

export const CLUSTER_NETWORK_POLICY: Printer = {
  columns: [NAME, column('Tier'), column('Priority'), AGE],
  cells: (object, nowMs) => {
    const { tier, priority } = specOf(object);
    return [object.metadata.name, scalarText(tier), scalarText(priority), ageOf(object, nowMs)];
  },
};
