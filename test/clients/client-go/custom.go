package main

import (
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/scale"
)

var customChecks = []check{
	{"discovery, whole and by group", discovers},
	{"OpenAPI v2 and v3", readsOpenAPI},
	{"REST mapper and dynamic client on a custom resource", customResource},
}

var widgets = schema.GroupVersionResource{Group: "client-go.example.com", Version: "v1", Resource: "widgets"}
var definitions = schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}

type object = map[string]any

func discovers(b *bed) error {
	_, lists, err := b.json.Discovery().ServerGroupsAndResources()
	if err != nil {
		return err
	}
	legacy := discovery.NewDiscoveryClientForConfigOrDie(b.config)
	legacy.UseLegacyDiscovery = true
	_, legacyLists, err := legacy.ServerGroupsAndResources()
	if err != nil {
		return err
	}
	whole, byGroup := resourceNames(lists), resourceNames(legacyLists)
	if len(whole) == 0 || len(whole) != len(byGroup) {
		return fmt.Errorf("%d resources, %d by group", len(whole), len(byGroup))
	}
	preferred, err := b.json.Discovery().ServerPreferredResources()
	if err != nil {
		return err
	}
	deletable := discovery.FilteredBy(discovery.SupportsAllVerbs{Verbs: []string{"list", "watch", "delete"}}, preferred)
	if len(deletable) == 0 {
		return fmt.Errorf("nothing can be listed, watched and deleted")
	}
	version, err := b.json.Discovery().ServerVersion()
	if err == nil && version.GitVersion == "" {
		err = fmt.Errorf("no version")
	}
	return err
}

func resourceNames(lists []*metav1.APIResourceList) map[string]bool {
	names := map[string]bool{}
	for _, list := range lists {
		for _, it := range list.APIResources {
			names[list.GroupVersion+" "+it.Name+" "+it.Kind] = true
		}
	}
	return names
}

func readsOpenAPI(b *bed) error {
	document, err := b.json.Discovery().OpenAPISchema()
	if err != nil {
		return err
	}
	if len(document.Definitions.AdditionalProperties) == 0 {
		return fmt.Errorf("v2 has no definitions")
	}
	paths, err := b.json.Discovery().OpenAPIV3().Paths()
	if err != nil {
		return err
	}
	apps, has := paths["apis/apps/v1"]
	if !has {
		return fmt.Errorf("v3 has no apps/v1")
	}
	text, err := apps.Schema("application/json")
	if err == nil && len(text) == 0 {
		err = fmt.Errorf("v3 of apps/v1 is empty")
	}
	return err
}

func customResource(b *bed) error {
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if _, err := b.dynamic.Resource(definitions).Create(ctx, widgetDefinition(), createOptions); err != nil {
		return err
	}
	defer func() { _ = b.dynamic.Resource(definitions).Delete(b.ctx, "widgets."+widgets.Group, deleteOptions) }()
	mapper := restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(b.json.Discovery()))
	err := b.eventually(func() error {
		mapper.Reset()
		mapping, err := mapper.RESTMapping(schema.GroupKind{Group: widgets.Group, Kind: "Widget"})
		if err == nil && mapping.Resource != widgets {
			err = fmt.Errorf("mapped to %v", mapping.Resource)
		}
		return err
	})
	if err != nil {
		return err
	}
	short, err := restmapper.NewShortcutExpander(mapper, b.json.Discovery(), nil).ResourceFor(schema.GroupVersionResource{Resource: "wdg"})
	if err != nil || short != widgets {
		return fmt.Errorf("wdg is %v: %w", short, err)
	}
	return useWidgets(ctx, b, mapper)
}

func useWidgets(ctx context.Context, b *bed, mapper *restmapper.DeferredDiscoveryRESTMapper) error {
	factory := dynamicinformer.NewFilteredDynamicSharedInformerFactory(b.dynamic, 0, b.namespace, nil)
	lister := factory.ForResource(widgets).Lister()
	factory.Start(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())
	client := b.dynamic.Resource(widgets).Namespace(b.namespace)
	made, err := client.Apply(ctx, "w", widget(2), metav1.ApplyOptions{FieldManager: "tester"})
	if err != nil {
		return err
	}
	if size, _, _ := unstructured.NestedString(made.Object, "spec", "size"); size != "small" {
		return fmt.Errorf("default is %q", size)
	}
	if err := b.eventually(func() error { _, err := lister.ByNamespace(b.namespace).Get("w"); return err }); err != nil {
		return err
	}
	if _, err := client.Patch(ctx, "w", types.MergePatchType, []byte(`{"status":{"replicas":2,"selector":"a=b"}}`), metav1.PatchOptions{}, "status"); err != nil {
		return err
	}
	scales, err := scale.NewForConfig(b.config, mapper, dynamic.LegacyAPIPathResolverFunc, scale.NewDiscoveryScaleKindResolver(b.json.Discovery()))
	if err != nil {
		return err
	}
	current, err := scales.Scales(b.namespace).Get(ctx, widgets.GroupResource(), "w", getOptions)
	if err != nil {
		return err
	}
	if current.Spec.Replicas != 2 || current.Status.Replicas != 2 || current.Status.Selector != "a=b" {
		return fmt.Errorf("scale is %+v", current)
	}
	current.Spec.Replicas = 5
	if _, err := scales.Scales(b.namespace).Update(ctx, widgets.GroupResource(), current, updateOptions); err != nil {
		return err
	}
	return b.eventually(func() error {
		it, err := lister.ByNamespace(b.namespace).Get("w")
		if err != nil {
			return err
		}
		if replicas, _, _ := unstructured.NestedInt64(it.(*unstructured.Unstructured).Object, "spec", "replicas"); replicas != 5 {
			return fmt.Errorf("%d replicas", replicas)
		}
		return nil
	})
}

func widget(replicas int64) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: object{
		"apiVersion": widgets.GroupVersion().String(), "kind": "Widget",
		"metadata": object{"name": "w"}, "spec": object{"replicas": replicas},
	}}
}

func widgetDefinition() *unstructured.Unstructured {
	spec := object{"type": "object", "properties": object{
		"replicas": object{"type": "integer"}, "size": object{"type": "string", "default": "small"}}}
	status := object{"type": "object", "properties": object{"replicas": object{"type": "integer"}, "selector": object{"type": "string"}}}
	paths := object{"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas", "labelSelectorPath": ".status.selector"}
	return &unstructured.Unstructured{Object: object{
		"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
		"metadata": object{"name": "widgets." + widgets.Group},
		"spec": object{
			"group": widgets.Group, "scope": "Namespaced",
			"names": object{"plural": "widgets", "singular": "widget", "kind": "Widget", "shortNames": []any{"wdg"}},
			"versions": []any{object{
				"name": widgets.Version, "served": true, "storage": true,
				"subresources": object{"status": object{}, "scale": paths},
				"schema":       object{"openAPIV3Schema": object{"type": "object", "properties": object{"spec": spec, "status": status}}},
			}},
		},
	}}
}
