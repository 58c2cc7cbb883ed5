// Facts of the Kubernetes API's wire format: apps/v1, batch/v1, policy/v1, scheduling.k8s.io/v1, autoscaling/v1.
// One line per message, "field=number type"; the notation is explained in kubernetes-protobuf-schema.ts.

export const APPS_FIELDS = `
ControllerRevision: metadata=1 meta.ObjectMeta, data=2 raw, revision=3 i
DaemonSet: metadata=1 meta.ObjectMeta, spec=2 DaemonSetSpec, status=3 DaemonSetStatus
DaemonSetCondition: type=1 s, status=2 s, lastTransitionTime=3 time, reason=4 s, message=5 s
DaemonSetSpec: selector=1 meta.LabelSelector, template=2 core.PodTemplateSpec,
   updateStrategy=3 DaemonSetUpdateStrategy, minReadySeconds=4 i, revisionHistoryLimit=6 i?
DaemonSetStatus: currentNumberScheduled=1 i, numberMisscheduled=2 i, desiredNumberScheduled=3 i,
   numberReady=4 i, observedGeneration=5 i, updatedNumberScheduled=6 i, numberAvailable=7 i,
   numberUnavailable=8 i, collisionCount=9 i?, conditions=10 []DaemonSetCondition@type
DaemonSetUpdateStrategy: type=1 s, rollingUpdate=2 RollingUpdateDaemonSet
Deployment: metadata=1 meta.ObjectMeta, spec=2 DeploymentSpec, status=3 DeploymentStatus
DeploymentCondition: type=1 s, status=2 s, reason=4 s, message=5 s, lastUpdateTime=6 time,
   lastTransitionTime=7 time
DeploymentSpec: replicas=1 i?, selector=2 meta.LabelSelector, template=3 core.PodTemplateSpec,
   strategy=4 DeploymentStrategy@+, minReadySeconds=5 i, revisionHistoryLimit=6 i?, paused=7 b,
   progressDeadlineSeconds=9 i?
DeploymentStatus: observedGeneration=1 i, replicas=2 i?, updatedReplicas=3 i, availableReplicas=4 i,
   unavailableReplicas=5 i, conditions=6 []DeploymentCondition@type, readyReplicas=7 i, collisionCount=8 i?,
   terminatingReplicas=9 i
DeploymentStrategy: type=1 s, rollingUpdate=2 RollingUpdateDeployment
ReplicaSet: metadata=1 meta.ObjectMeta, spec=2 ReplicaSetSpec, status=3 ReplicaSetStatus
ReplicaSetCondition: type=1 s, status=2 s, lastTransitionTime=3 time, reason=4 s, message=5 s
ReplicaSetSpec: replicas=1 i?, selector=2 meta.LabelSelector, template=3 core.PodTemplateSpec,
   minReadySeconds=4 i
ReplicaSetStatus: replicas=1 i?, fullyLabeledReplicas=2 i, observedGeneration=3 i, readyReplicas=4 i,
   availableReplicas=5 i, conditions=6 []ReplicaSetCondition@type, terminatingReplicas=7 i
RollingUpdateDaemonSet: maxUnavailable=1 intorstring, maxSurge=2 intorstring
RollingUpdateDeployment: maxUnavailable=1 intorstring, maxSurge=2 intorstring
RollingUpdateStatefulSetStrategy: partition=1 i?, maxUnavailable=2 intorstring
StatefulSet: metadata=1 meta.ObjectMeta, spec=2 StatefulSetSpec, status=3 StatefulSetStatus
StatefulSetCondition: type=1 s, status=2 s, lastTransitionTime=3 time, reason=4 s, message=5 s
StatefulSetOrdinals: start=1 i
StatefulSetPersistentVolumeClaimRetentionPolicy: whenDeleted=1 s, whenScaled=2 s
StatefulSetSpec: replicas=1 i?, selector=2 meta.LabelSelector, template=3 core.PodTemplateSpec,
   volumeClaimTemplates=4 []core.PersistentVolumeClaim, serviceName=5 s, podManagementPolicy=6 s,
   updateStrategy=7 StatefulSetUpdateStrategy, revisionHistoryLimit=8 i?, minReadySeconds=9 i,
   persistentVolumeClaimRetentionPolicy=10 StatefulSetPersistentVolumeClaimRetentionPolicy,
   ordinals=11 StatefulSetOrdinals
StatefulSetStatus: observedGeneration=1 i, replicas=2 i?, readyReplicas=3 i, currentReplicas=4 i,
   updatedReplicas=5 i, currentRevision=6 s, updateRevision=7 s, collisionCount=9 i?,
   conditions=10 []StatefulSetCondition@type, availableReplicas=11 i
StatefulSetUpdateStrategy: type=1 s, rollingUpdate=2 RollingUpdateStatefulSetStrategy
`;

export const BATCH_FIELDS = `
CronJob: metadata=1 meta.ObjectMeta, spec=2 CronJobSpec, status=3 CronJobStatus
CronJobSpec: schedule=1 s, startingDeadlineSeconds=2 i?, concurrencyPolicy=3 s, suspend=4 b?,
   jobTemplate=5 JobTemplateSpec, successfulJobsHistoryLimit=6 i?, failedJobsHistoryLimit=7 i?,
   timeZone=8 s
CronJobStatus: active=1 []core.ObjectReference, lastScheduleTime=4 time, lastSuccessfulTime=5 time
Job: metadata=1 meta.ObjectMeta, spec=2 JobSpec, status=3 JobStatus
JobCondition: type=1 s, status=2 s, lastProbeTime=3 time, lastTransitionTime=4 time, reason=5 s,
   message=6 s
JobSpec: parallelism=1 i?, completions=2 i?, activeDeadlineSeconds=3 i?, selector=4 meta.LabelSelector,
   manualSelector=5 b?, template=6 core.PodTemplateSpec, backoffLimit=7 i?, ttlSecondsAfterFinished=8 i?,
   completionMode=9 s, suspend=10 b?, podFailurePolicy=11 PodFailurePolicy, backoffLimitPerIndex=12 i?,
   maxFailedIndexes=13 i?, podReplacementPolicy=14 s, managedBy=15 s, successPolicy=16 SuccessPolicy
JobStatus: conditions=1 []JobCondition@type, startTime=2 time, completionTime=3 time, active=4 i,
   succeeded=5 i, failed=6 i, completedIndexes=7 s, uncountedTerminatedPods=8 UncountedTerminatedPods,
   ready=9 i?, failedIndexes=10 s, terminating=11 i?
JobTemplateSpec: metadata=1 meta.ObjectMeta, spec=2 JobSpec
PodFailurePolicy: rules=1 []PodFailurePolicyRule
PodFailurePolicyOnExitCodesRequirement: containerName=1 s, operator=2 s, values=3 []i
PodFailurePolicyOnPodConditionsPattern: type=1 s, status=2 s
PodFailurePolicyRule: action=1 s, onExitCodes=2 PodFailurePolicyOnExitCodesRequirement,
   onPodConditions=3 []PodFailurePolicyOnPodConditionsPattern
SuccessPolicy: rules=1 []SuccessPolicyRule
SuccessPolicyRule: succeededIndexes=1 s, succeededCount=2 i?
UncountedTerminatedPods: succeeded=1 []s, failed=2 []s
`;

export const POLICY_FIELDS = `
Eviction: metadata=1 meta.ObjectMeta, deleteOptions=2 meta.DeleteOptions
PodDisruptionBudget: metadata=1 meta.ObjectMeta, spec=2 PodDisruptionBudgetSpec,
   status=3 PodDisruptionBudgetStatus
PodDisruptionBudgetSpec: minAvailable=1 intorstring, selector=2 meta.LabelSelector,
   maxUnavailable=3 intorstring, unhealthyPodEvictionPolicy=4 s
PodDisruptionBudgetStatus: observedGeneration=1 i, disruptedPods=2 {}time, disruptionsAllowed=3 i,
   currentHealthy=4 i, desiredHealthy=5 i, expectedPods=6 i, conditions=7 []meta.Condition@type
`;

export const SCHEDULING_FIELDS = `
PriorityClass: metadata=1 meta.ObjectMeta, value=2 i?, globalDefault=3 b, description=4 s, preemptionPolicy=5 s
`;

export const AUTOSCALING_FIELDS = `
Scale: metadata=1 meta.ObjectMeta, spec=2 ScaleSpec, status=3 ScaleStatus
ScaleSpec: replicas=1 i?
ScaleStatus: replicas=1 i?, selector=2 s
`;
