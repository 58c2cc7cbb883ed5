package main

import (
	"context"
	"errors"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	applyappsv1 "k8s.io/client-go/applyconfigurations/apps/v1"
	applycorev1 "k8s.io/client-go/applyconfigurations/core/v1"
	applymetav1 "k8s.io/client-go/applyconfigurations/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/tools/pager"
	"k8s.io/client-go/util/retry"
)

var (
	createOptions = metav1.CreateOptions{}
	updateOptions = metav1.UpdateOptions{}
	deleteOptions = metav1.DeleteOptions{}
	getOptions    = metav1.GetOptions{}
	listOptions   = metav1.ListOptions{}
)

var objectChecks = []check{
	{"typed clients in JSON", func(b *bed) error { return typed(b, b.json) }},
	{"typed clients in protobuf", func(b *bed) error { return typed(b, b.proto) }},
	{"errors have the kinds that client-go tells apart", errorKinds},
	{"retry on conflict", retryOnConflict},
	{"server-side apply by apply configurations", applies},
	{"apply configurations are extracted again", extracts},
	{"patches of all types", patches},
	{"the pager brings every object once", pages},
	{"pages are of one revision", pagesOfOneRevision},
	{"scale", scales},
	{"eviction", evicts},
	{"metadata client", metadataOnly},
	{"delete options", deletes},
	{"delete collection", deletesCollection},
	{"generated names", generatesNames},
	{"token of a service account", serviceAccountToken},
}

func namespaceNamed(name string) *corev1.Namespace {
	return &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
}

func configMapNamed(name string) *corev1.ConfigMap {
	return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name}, Data: map[string]string{"a": "b"}}
}

func podSpec() corev1.PodSpec {
	return corev1.PodSpec{Containers: []corev1.Container{{Name: "web", Image: "nginx"}}}
}

func deploymentNamed(name string) *appsv1.Deployment {
	labels := map[string]string{"app": name}
	replicas := int32(1)
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels},
		Spec: appsv1.DeploymentSpec{
			Replicas: &replicas,
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: podSpec()},
		},
	}
}

func typed(b *bed, client *kubernetes.Clientset) error {
	deployments := client.AppsV1().Deployments(b.namespace)
	made, err := deployments.Create(b.ctx, deploymentNamed("typed"), createOptions)
	if err != nil {
		return err
	}
	if made.UID == "" || made.Generation != 1 || made.Spec.Strategy.Type != appsv1.RollingUpdateDeploymentStrategyType {
		return fmt.Errorf("made without uid, generation or defaults: %+v", made.ObjectMeta)
	}
	made.Spec.Paused = true
	changed, err := deployments.Update(b.ctx, made, updateOptions)
	if err != nil {
		return err
	}
	if changed.Generation != 2 || changed.ResourceVersion == made.ResourceVersion {
		return fmt.Errorf("generation %d after a change of the spec", changed.Generation)
	}
	changed.Status.ObservedGeneration = 2
	withStatus, err := deployments.UpdateStatus(b.ctx, changed, updateOptions)
	if err != nil {
		return err
	}
	if withStatus.Generation != 2 || withStatus.Status.ObservedGeneration != 2 {
		return fmt.Errorf("status not written, or more than it")
	}
	list, err := deployments.List(b.ctx, metav1.ListOptions{LabelSelector: "app in (typed)", FieldSelector: "metadata.name=typed"})
	if err != nil {
		return err
	}
	if len(list.Items) != 1 || list.ResourceVersion == "" {
		return fmt.Errorf("list of %d", len(list.Items))
	}
	return deployments.Delete(b.ctx, "typed", deleteOptions)
}

func errorKinds(b *bed) error {
	maps := b.proto.CoreV1().ConfigMaps(b.namespace)
	if _, err := maps.Get(b.ctx, "nowhere", getOptions); !apierrors.IsNotFound(err) {
		return fmt.Errorf("not found is %v", err)
	}
	if _, err := maps.Create(b.ctx, configMapNamed("kinds"), createOptions); err != nil {
		return err
	}
	if _, err := maps.Create(b.ctx, configMapNamed("kinds"), createOptions); !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("already exists is %v", err)
	}
	if _, err := maps.Create(b.ctx, configMapNamed("Not_A_Name"), createOptions); !apierrors.IsInvalid(err) {
		return fmt.Errorf("invalid is %v", err)
	}
	stale := configMapNamed("kinds")
	stale.ResourceVersion = "1"
	if _, err := maps.Update(b.ctx, stale, updateOptions); !apierrors.IsConflict(err) {
		return fmt.Errorf("conflict is %v", err)
	}
	if _, err := maps.List(b.ctx, metav1.ListOptions{Continue: "nonsense"}); !apierrors.IsBadRequest(err) {
		return fmt.Errorf("bad request is %v", err)
	}
	if _, err := maps.List(b.ctx, metav1.ListOptions{ResourceVersion: "999999999"}); !apierrors.IsTimeout(err) || !apierrors.HasStatusCause(err, metav1.CauseTypeResourceVersionTooLarge) {
		return fmt.Errorf("too large is %v", err)
	}
	_, err := b.json.CoreV1().ConfigMaps("no-such-namespace").Create(b.ctx, configMapNamed("a"), createOptions)
	if !apierrors.IsNotFound(err) {
		return fmt.Errorf("a namespace that is not there is %v", err)
	}
	var status apierrors.APIStatus
	if _, err := maps.Create(b.ctx, configMapNamed("Not_A_Name"), createOptions); !errors.As(err, &status) || status.Status().Details == nil || len(status.Status().Details.Causes) == 0 || status.Status().Details.Causes[0].Field != "metadata.name" {
		return fmt.Errorf("details of invalid are %v", err)
	}
	return nil
}

func retryOnConflict(b *bed) error {
	maps := b.json.CoreV1().ConfigMaps(b.namespace)
	if _, err := maps.Create(b.ctx, configMapNamed("counted"), createOptions); err != nil {
		return err
	}
	const writers, each = 4, 5
	results := make(chan error, writers)
	for range writers {
		go func() {
			for range each {
				err := retry.RetryOnConflict(retryLong, func() error {
					current, err := maps.Get(b.ctx, "counted", getOptions)
					if err != nil {
						return err
					}
					current.Data["a"] += "+"
					_, err = maps.Update(b.ctx, current, updateOptions)
					return err
				})
				if err != nil {
					results <- err
					return
				}
			}
			results <- nil
		}()
	}
	for range writers {
		if err := <-results; err != nil {
			return err
		}
	}
	last, err := maps.Get(b.ctx, "counted", getOptions)
	if err == nil && len(last.Data["a"]) != 1+writers*each {
		err = fmt.Errorf("writes are lost: %s", last.Data["a"])
	}
	return err
}

func applies(b *bed) error {
	maps := b.proto.CoreV1().ConfigMaps(b.namespace)
	mine := metav1.ApplyOptions{FieldManager: "one"}
	wanted := applycorev1.ConfigMap("applied", b.namespace).WithData(map[string]string{"a": "1", "b": "1"})
	if _, err := maps.Apply(b.ctx, wanted, mine); err != nil {
		return err
	}
	other := applycorev1.ConfigMap("applied", b.namespace).WithData(map[string]string{"a": "2"})
	if _, err := maps.Apply(b.ctx, other, metav1.ApplyOptions{FieldManager: "two"}); !apierrors.IsConflict(err) {
		return fmt.Errorf("a field of another manager: %v", err)
	}
	forced, err := maps.Apply(b.ctx, other, metav1.ApplyOptions{FieldManager: "two", Force: true})
	if err != nil {
		return err
	}
	if forced.Data["a"] != "2" || len(forced.ManagedFields) != 2 {
		return fmt.Errorf("forced: %v", forced.Data)
	}
	less, err := maps.Apply(b.ctx, applycorev1.ConfigMap("applied", b.namespace), mine)
	if err != nil {
		return err
	}
	if _, has := less.Data["b"]; has || less.Data["a"] != "2" {
		return fmt.Errorf("fields that one no longer applies: %v", less.Data)
	}
	return nil
}

func extracts(b *bed) error {
	labels := map[string]string{"app": "extracted"}
	wanted := applyappsv1.Deployment("extracted", b.namespace).WithSpec(applyappsv1.DeploymentSpec().
		WithReplicas(2).
		WithSelector(applymetav1.LabelSelector().WithMatchLabels(labels)).
		WithTemplate(applycorev1.PodTemplateSpec().WithLabels(labels).WithSpec(applycorev1.PodSpec().WithContainers(
			applycorev1.Container().WithName("web").WithImage("nginx").WithPorts(applycorev1.ContainerPort().WithContainerPort(80)).
				WithEnv(applycorev1.EnvVar().WithName("A").WithValue("b"))))))
	made, err := b.json.AppsV1().Deployments(b.namespace).Apply(b.ctx, wanted, metav1.ApplyOptions{FieldManager: "controller"})
	if err != nil {
		return err
	}
	again, err := applyappsv1.ExtractDeployment(made, "controller")
	if err != nil {
		return err
	}
	if *again.Spec.Replicas != 2 || *again.Spec.Template.Spec.Containers[0].Image != "nginx" || again.Spec.Strategy != nil || again.Spec.Template.Spec.Containers[0].ImagePullPolicy != nil {
		return fmt.Errorf("extracted %+v", again.Spec)
	}
	same, err := b.json.AppsV1().Deployments(b.namespace).Apply(b.ctx, again, metav1.ApplyOptions{FieldManager: "controller"})
	if err == nil && same.Generation != made.Generation {
		err = fmt.Errorf("applying the same makes generation %d of %d", same.Generation, made.Generation)
	}
	return err
}

func patches(b *bed) error {
	deployments := b.proto.AppsV1().Deployments(b.namespace)
	if _, err := deployments.Create(b.ctx, deploymentNamed("patched"), createOptions); err != nil {
		return err
	}
	rows := []struct {
		kind types.PatchType
		body string
	}{
		{types.StrategicMergePatchType, `{"spec":{"template":{"spec":{"containers":[{"name":"side","image":"busybox"}]}}}}`},
		{types.MergePatchType, `{"metadata":{"labels":{"more":"yes","app":null}}}`},
		{types.JSONPatchType, `[{"op":"test","path":"/spec/replicas","value":1},{"op":"replace","path":"/spec/replicas","value":3}]`},
	}
	for _, row := range rows {
		if _, err := deployments.Patch(b.ctx, "patched", row.kind, []byte(row.body), metav1.PatchOptions{}); err != nil {
			return fmt.Errorf("%s: %w", row.kind, err)
		}
	}
	last, err := deployments.Get(b.ctx, "patched", getOptions)
	if err != nil {
		return err
	}
	if len(last.Spec.Template.Spec.Containers) != 2 || last.Labels["more"] != "yes" || last.Labels["app"] != "" || *last.Spec.Replicas != 3 {
		return fmt.Errorf("patched to %+v", last.Spec)
	}
	_, err = deployments.Patch(b.ctx, "patched", types.JSONPatchType, []byte(`[{"op":"test","path":"/spec/replicas","value":1}]`), metav1.PatchOptions{})
	if !apierrors.IsInvalid(err) {
		return fmt.Errorf("a test of a patch that fails is %v", err)
	}
	return nil
}

const pagedObjects = 120

func pages(b *bed) error {
	maps := b.proto.CoreV1().ConfigMaps(b.namespace)
	for i := range pagedObjects {
		object := configMapNamed(fmt.Sprintf("page-%03d", i))
		object.Labels = map[string]string{"set": "paged"}
		if _, err := maps.Create(b.ctx, object, createOptions); err != nil {
			return err
		}
	}
	seen := map[string]int{}
	p := pager.New(pager.SimplePageFunc(func(options metav1.ListOptions) (runtime.Object, error) { return maps.List(b.ctx, options) }))
	p.PageSize = 7
	err := p.EachListItem(b.ctx, metav1.ListOptions{LabelSelector: "set=paged"}, func(object runtime.Object) error {
		seen[object.(*corev1.ConfigMap).Name]++
		return nil
	})
	if err == nil && len(seen) != pagedObjects {
		err = fmt.Errorf("%d of %d objects", len(seen), pagedObjects)
	}
	return err
}

func pagesOfOneRevision(b *bed) error {
	maps := b.json.CoreV1().ConfigMaps(b.namespace)
	first, err := maps.List(b.ctx, metav1.ListOptions{Limit: 5, LabelSelector: "set=paged"})
	if err != nil {
		return err
	}
	if first.Continue == "" || first.RemainingItemCount != nil && *first.RemainingItemCount != pagedObjects-5 {
		return fmt.Errorf("first page has %d, remaining %v", len(first.Items), first.RemainingItemCount)
	}
	// Objects that come and go in between are not seen by later pages.
	if err := maps.Delete(b.ctx, "page-050", deleteOptions); err != nil {
		return err
	}
	rest, err := maps.List(b.ctx, metav1.ListOptions{Limit: 500, LabelSelector: "set=paged", Continue: first.Continue})
	if err == nil && (len(rest.Items) != pagedObjects-5 || rest.ResourceVersion != first.ResourceVersion) {
		err = fmt.Errorf("second page has %d at %s, first was at %s", len(rest.Items), rest.ResourceVersion, first.ResourceVersion)
	}
	return err
}

func scales(b *bed) error {
	deployments := b.proto.AppsV1().Deployments(b.namespace)
	if _, err := deployments.Create(b.ctx, deploymentNamed("scaled"), createOptions); err != nil {
		return err
	}
	scale, err := deployments.GetScale(b.ctx, "scaled", getOptions)
	if err != nil {
		return err
	}
	scale.Spec = autoscalingv1.ScaleSpec{Replicas: 4}
	after, err := deployments.UpdateScale(b.ctx, "scaled", scale, updateOptions)
	if err == nil && (after.Spec.Replicas != 4 || after.Status.Selector != "app=scaled") {
		err = fmt.Errorf("scale is %+v", after)
	}
	return err
}

func evicts(b *bed) error {
	pods := b.proto.CoreV1().Pods(b.namespace)
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "evicted"}, Spec: podSpec()}
	if _, err := pods.Create(b.ctx, pod, createOptions); err != nil {
		return err
	}
	if err := pods.EvictV1(b.ctx, &policyv1.Eviction{ObjectMeta: metav1.ObjectMeta{Name: "evicted", Namespace: b.namespace}}); err != nil {
		return err
	}
	return b.eventually(func() error {
		if _, err := pods.Get(b.ctx, "evicted", getOptions); !apierrors.IsNotFound(err) {
			return fmt.Errorf("still there: %v", err)
		}
		return nil
	})
}

func metadataOnly(b *bed) error {
	client, err := metadata.NewForConfig(b.config)
	if err != nil {
		return err
	}
	maps := client.Resource(corev1.SchemeGroupVersion.WithResource("configmaps")).Namespace(b.namespace)
	list, err := maps.List(b.ctx, metav1.ListOptions{LabelSelector: "set=paged", Limit: 10})
	if err != nil {
		return err
	}
	if len(list.Items) != 10 || list.Items[0].Labels["set"] != "paged" || list.Continue == "" {
		return fmt.Errorf("list of %d, continue %q", len(list.Items), list.Continue)
	}
	watch, err := maps.Watch(b.ctx, metav1.ListOptions{ResourceVersion: list.ResourceVersion})
	if err != nil {
		return err
	}
	defer watch.Stop()
	if _, err := maps.Patch(b.ctx, list.Items[0].Name, types.MergePatchType, []byte(`{"metadata":{"annotations":{"a":"b"}}}`), metav1.PatchOptions{}); err != nil {
		return err
	}
	for event := range watch.ResultChan() {
		if it, is := event.Object.(*metav1.PartialObjectMetadata); !is || it.Name == list.Items[0].Name && it.Annotations["a"] == "b" {
			if !is {
				return fmt.Errorf("event of %T", event.Object)
			}
			return nil
		}
	}
	return fmt.Errorf("no event")
}

func deletes(b *bed) error {
	maps := b.proto.CoreV1().ConfigMaps(b.namespace)
	made, err := maps.Create(b.ctx, configMapNamed("deleted"), createOptions)
	if err != nil {
		return err
	}
	wrong, right := types.UID("wrong"), made.UID
	if err := maps.Delete(b.ctx, "deleted", metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &wrong}}); !apierrors.IsConflict(err) {
		return fmt.Errorf("a wrong uid is %v", err)
	}
	if err := maps.Delete(b.ctx, "deleted", metav1.DeleteOptions{DryRun: []string{metav1.DryRunAll}}); err != nil {
		return err
	}
	foreground := metav1.DeletePropagationForeground
	return maps.Delete(b.ctx, "deleted", metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &right}, PropagationPolicy: &foreground})
}

func deletesCollection(b *bed) error {
	maps := b.proto.CoreV1().ConfigMaps(b.namespace)
	selected := metav1.ListOptions{LabelSelector: "set=paged"}
	if err := maps.DeleteCollection(b.ctx, deleteOptions, selected); err != nil {
		return err
	}
	left, err := maps.List(b.ctx, selected)
	if err == nil && len(left.Items) != 0 {
		err = fmt.Errorf("%d are left", len(left.Items))
	}
	return err
}

func generatesNames(b *bed) error {
	object := configMapNamed("")
	object.GenerateName = "made-"
	made, err := b.proto.CoreV1().ConfigMaps(b.namespace).Create(b.ctx, object, createOptions)
	if err == nil && len(made.Name) != len("made-")+5 {
		err = fmt.Errorf("name %q", made.Name)
	}
	return err
}

func serviceAccountToken(b *bed) error {
	request, err := requestToken(b.ctx, b, "default")
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(withToken(b.config, request))
	if err != nil {
		return err
	}
	if _, err := client.CoreV1().ConfigMaps(b.namespace).List(b.ctx, listOptions); !apierrors.IsForbidden(err) {
		return fmt.Errorf("without a role it is %v", err)
	}
	_, err = kubernetes.NewForConfigOrDie(withToken(b.config, "nonsense")).CoreV1().Pods(b.namespace).List(context.Background(), listOptions)
	if !apierrors.IsUnauthorized(err) {
		return fmt.Errorf("a token of nobody is %v", err)
	}
	return nil
}
