// The priority classes that every cluster has (https://kubernetes.io/docs/tasks/administer-cluster/guaranteed-scheduling-critical-addon-pods/).

interface SystemPriorityClass {
  readonly value: number;
  readonly description: string;
}

export const SYSTEM_PRIORITY_CLASSES: Readonly<Record<string, SystemPriorityClass>> = {
  'system-node-critical': { value: 2_000_001_000, description: 'For pods that a node cannot be without' },
  'system-cluster-critical': {
    value: 2_000_000_000,
    description: 'For pods that the cluster cannot be without, wherever they run',
  },
};
