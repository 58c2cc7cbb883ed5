// Facts of the Kubernetes API's wire format: rbac, authorization, authentication.
// One line per message, "field=number type"; the notation is explained in kubernetes-protobuf-schema.ts.

export const RBAC_FIELDS = `
AggregationRule: clusterRoleSelectors=1 []meta.LabelSelector
ClusterRole: metadata=1 meta.ObjectMeta, rules=2 []PolicyRule, aggregationRule=3 AggregationRule
ClusterRoleBinding: metadata=1 meta.ObjectMeta, subjects=2 []Subject, roleRef=3 RoleRef
PolicyRule: verbs=1 []s, apiGroups=2 []s, resources=3 []s, resourceNames=4 []s, nonResourceURLs=5 []s
Role: metadata=1 meta.ObjectMeta, rules=2 []PolicyRule
RoleBinding: metadata=1 meta.ObjectMeta, subjects=2 []Subject, roleRef=3 RoleRef
RoleRef: apiGroup=1 s, kind=2 s, name=3 s
Subject: kind=1 s, apiGroup=2 s, name=3 s, namespace=4 s
`;

export const AUTHORIZATION_FIELDS = `
ExtraValue: items=1 []s
FieldSelectorAttributes: rawSelector=1 s, requirements=2 []meta.FieldSelectorRequirement
LabelSelectorAttributes: rawSelector=1 s, requirements=2 []meta.LabelSelectorRequirement
LocalSubjectAccessReview: metadata=1 meta.ObjectMeta, spec=2 SubjectAccessReviewSpec,
   status=3 SubjectAccessReviewStatus
NonResourceAttributes: path=1 s, verb=2 s
NonResourceRule: verbs=1 []s, nonResourceURLs=2 []s
ResourceAttributes: namespace=1 s, verb=2 s, group=3 s, version=4 s, resource=5 s, subresource=6 s,
   name=7 s, fieldSelector=8 FieldSelectorAttributes, labelSelector=9 LabelSelectorAttributes
ResourceRule: verbs=1 []s, apiGroups=2 []s, resources=3 []s, resourceNames=4 []s
SelfSubjectAccessReview: metadata=1 meta.ObjectMeta, spec=2 SelfSubjectAccessReviewSpec,
   status=3 SubjectAccessReviewStatus
SelfSubjectAccessReviewSpec: resourceAttributes=1 ResourceAttributes,
   nonResourceAttributes=2 NonResourceAttributes
SelfSubjectRulesReview: metadata=1 meta.ObjectMeta, spec=2 SelfSubjectRulesReviewSpec,
   status=3 SubjectRulesReviewStatus
SelfSubjectRulesReviewSpec: namespace=1 s
SubjectAccessReview: metadata=1 meta.ObjectMeta, spec=2 SubjectAccessReviewSpec,
   status=3 SubjectAccessReviewStatus
SubjectAccessReviewSpec: resourceAttributes=1 ResourceAttributes,
   nonResourceAttributes=2 NonResourceAttributes, user=3 s, groups=4 []s, extra=5 {}ExtraValue, uid=6 s
SubjectAccessReviewStatus: allowed=1 b, reason=2 s, evaluationError=3 s, denied=4 b
SubjectRulesReviewStatus: resourceRules=1 []ResourceRule, nonResourceRules=2 []NonResourceRule,
   incomplete=3 b, evaluationError=4 s
`;

export const AUTHENTICATION_FIELDS = `
BoundObjectReference: kind=1 s, apiVersion=2 s, name=3 s, uid=4 s
ExtraValue: items=1 []s
SelfSubjectReview: metadata=1 meta.ObjectMeta, status=2 SelfSubjectReviewStatus
SelfSubjectReviewStatus: userInfo=1 UserInfo
TokenRequest: metadata=1 meta.ObjectMeta, spec=2 TokenRequestSpec, status=3 TokenRequestStatus
TokenRequestSpec: audiences=1 []s, boundObjectRef=3 BoundObjectReference, expirationSeconds=4 i?
TokenRequestStatus: token=1 s, expirationTimestamp=2 time
TokenReview: metadata=1 meta.ObjectMeta, spec=2 TokenReviewSpec, status=3 TokenReviewStatus
TokenReviewSpec: token=1 s, audiences=2 []s
TokenReviewStatus: authenticated=1 b, user=2 UserInfo, error=3 s, audiences=4 []s
UserInfo: username=1 s, uid=2 s, groups=3 []s, extra=4 {}ExtraValue
`;
