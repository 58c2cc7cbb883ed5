// Namespaces that every cluster has from its first moment: the API server makes them, `up` counts on them.

export const SYSTEM_NAMESPACES = ['default', 'kube-system', 'kube-public', 'kube-node-lease'] as const;
