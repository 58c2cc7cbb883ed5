package main

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/tools/cache"
	toolsevents "k8s.io/client-go/tools/events"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	"k8s.io/client-go/tools/record"
	watchtools "k8s.io/client-go/tools/watch"
	"k8s.io/client-go/util/workqueue"
)

var machineryChecks = []check{
	{"shared informers, a resync and a work queue", func(b *bed) error { return controller(b, b.json) }},
	{"shared informers in protobuf", func(b *bed) error { return controller(b, b.proto) }},
	{"watch until a condition holds", untilWith},
	{"a watch with initial events and their end", watchList},
	{"a watch of a revision that is gone", goneWatch},
	{"leader election by leases, two candidates", electsLeader},
	{"event recorder of core/v1", recordsEvents},
	{"event recorder of events.k8s.io/v1", recordsNewEvents},
}

func serviceAccountNamed(name string) *corev1.ServiceAccount {
	return &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: name}}
}

// What every controller is: an informer's events become keys of a queue, and a worker writes what it made of each.
func controller(b *bed, client *kubernetes.Clientset) error {
	ctx, cancel := context.WithCancel(b.ctx)
	defer cancel()
	const objects = 10
	factory := informers.NewSharedInformerFactoryWithOptions(client, time.Second, informers.WithNamespace(b.namespace),
		informers.WithTweakListOptions(func(options *metav1.ListOptions) { options.LabelSelector = "controlled=yes" }))
	informer := factory.Core().V1().ConfigMaps()
	queue := workqueue.NewTypedRateLimitingQueue(workqueue.DefaultTypedControllerRateLimiter[string]())
	defer queue.ShutDown()
	var resyncs, deleted atomic.Int32
	_, err := informer.Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc: func(object any) { enqueue(queue, object) },
		UpdateFunc: func(before, after any) {
			if before.(*corev1.ConfigMap).ResourceVersion == after.(*corev1.ConfigMap).ResourceVersion {
				resyncs.Add(1)
			}
			enqueue(queue, after)
		},
		DeleteFunc: func(any) { deleted.Add(1) },
	})
	if err != nil {
		return err
	}
	factory.Start(ctx.Done())
	for kind, ready := range factory.WaitForCacheSync(ctx.Done()) {
		if !ready {
			return fmt.Errorf("no cache of %v", kind)
		}
	}
	maps := client.CoreV1().ConfigMaps(b.namespace)
	go func() {
		for {
			key, isDown := queue.Get()
			if isDown {
				return
			}
			_, name, _ := cache.SplitMetaNamespaceKey(key)
			object, err := informer.Lister().ConfigMaps(b.namespace).Get(name)
			if err == nil && object.Data["seen"] != "yes" {
				mine := object.DeepCopy()
				mine.Data = map[string]string{"seen": "yes"}
				_, err = maps.Update(ctx, mine, updateOptions)
			}
			if err != nil {
				queue.AddRateLimited(key)
			} else {
				queue.Forget(key)
			}
			queue.Done(key)
		}
	}()
	for i := range objects {
		object := configMapNamed(fmt.Sprintf("controlled-%d", i))
		object.Labels = map[string]string{"controlled": "yes"}
		if _, err := maps.Create(ctx, object, createOptions); err != nil {
			return err
		}
	}
	err = b.eventually(func() error {
		seen := 0
		for _, it := range informer.Informer().GetStore().List() {
			if it.(*corev1.ConfigMap).Data["seen"] == "yes" {
				seen++
			}
		}
		if seen != objects || resyncs.Load() == 0 {
			return fmt.Errorf("%d of %d written and seen, %d resyncs", seen, objects, resyncs.Load())
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := maps.DeleteCollection(ctx, deleteOptions, metav1.ListOptions{LabelSelector: "controlled=yes"}); err != nil {
		return err
	}
	return b.eventually(func() error {
		if deleted.Load() != objects {
			return fmt.Errorf("%d of %d deletions seen", deleted.Load(), objects)
		}
		return nil
	})
}

func enqueue(queue workqueue.TypedRateLimitingInterface[string], object any) {
	if key, err := cache.MetaNamespaceKeyFunc(object); err == nil {
		queue.Add(key)
	}
}

func untilWith(b *bed) error {
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	maps := b.json.CoreV1().ConfigMaps(b.namespace)
	made, err := maps.Create(ctx, configMapNamed("awaited"), createOptions)
	if err != nil {
		return err
	}
	go func() {
		made.Data["a"] = "done"
		_, _ = maps.Update(ctx, made, updateOptions)
	}()
	one := cache.NewListWatchFromClient(b.json.CoreV1().RESTClient(), "configmaps", b.namespace, fields.OneTermEqualSelector("metadata.name", "awaited"))
	_, err = watchtools.UntilWithSync(ctx, one, &corev1.ConfigMap{}, nil, func(event watch.Event) (bool, error) {
		return event.Object.(*corev1.ConfigMap).Data["a"] == "done", nil
	})
	return err
}

func watchList(b *bed) error {
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	sends, seconds := true, int64(60)
	stream, err := b.proto.CoreV1().ConfigMaps(b.namespace).Watch(ctx, metav1.ListOptions{
		SendInitialEvents:    &sends,
		ResourceVersionMatch: metav1.ResourceVersionMatchNotOlderThan,
		AllowWatchBookmarks:  true,
		TimeoutSeconds:       &seconds,
	})
	if err != nil {
		return err
	}
	defer stream.Stop()
	for event := range stream.ResultChan() {
		if event.Type != watch.Bookmark {
			continue
		}
		bookmark := event.Object.(*corev1.ConfigMap)
		if bookmark.Annotations[metav1.InitialEventsAnnotationKey] != "true" {
			return fmt.Errorf("the first bookmark is %+v", bookmark.ObjectMeta)
		}
		return nil
	}
	return fmt.Errorf("no bookmark")
}

// A server that still has its first revisions tells of an object instead.
func goneWatch(b *bed) error {
	stream, err := b.json.CoreV1().ConfigMaps(b.namespace).Watch(b.ctx, metav1.ListOptions{ResourceVersion: "1"})
	if err != nil {
		return err
	}
	defer stream.Stop()
	event := <-stream.ResultChan()
	if event.Type == watch.Added {
		return nil
	}
	if event.Type != watch.Error || !apierrors.IsResourceExpired(apierrors.FromObject(event.Object)) {
		return fmt.Errorf("first event is %v", event)
	}
	return nil
}

func electsLeader(b *bed) error {
	ctx, cancel := context.WithCancel(b.ctx)
	defer cancel()
	leaders := make(chan string, 10)
	candidates := map[string]context.CancelFunc{}
	for _, name := range []string{"one", "two"} {
		own, leave := context.WithCancel(ctx)
		candidates[name] = leave
		lock, err := resourcelock.New(resourcelock.LeasesResourceLock, b.namespace, "election", b.json.CoreV1(), b.json.CoordinationV1(),
			resourcelock.ResourceLockConfig{Identity: name})
		if err != nil {
			return err
		}
		elector, err := leaderelection.NewLeaderElector(leaderelection.LeaderElectionConfig{
			Lock: lock, LeaseDuration: 6 * time.Second, RenewDeadline: 4 * time.Second, RetryPeriod: 200 * time.Millisecond, ReleaseOnCancel: true,
			Callbacks: leaderelection.LeaderCallbacks{
				OnStartedLeading: func(context.Context) { leaders <- name },
				OnStoppedLeading: func() {},
			},
		})
		if err != nil {
			return err
		}
		go elector.Run(own)
	}
	first, err := nextOf(leaders)
	if err != nil {
		return err
	}
	// Who leaves gives the lease back, and the other one takes it.
	candidates[first]()
	second, err := nextOf(leaders)
	if err == nil && first == second {
		err = fmt.Errorf("%s leads after it left", first)
	}
	return err
}

func nextOf(names <-chan string) (string, error) {
	select {
	case name := <-names:
		return name, nil
	case <-time.After(patience):
		return "", fmt.Errorf("nobody leads")
	}
}

func recordsEvents(b *bed) error {
	broadcaster := record.NewBroadcaster()
	defer broadcaster.Shutdown()
	broadcaster.StartRecordingToSink(&typedcorev1.EventSinkImpl{Interface: b.proto.CoreV1().Events(b.namespace)})
	recorder := broadcaster.NewRecorder(scheme.Scheme, corev1.EventSource{Component: "tester"})
	about, err := b.json.CoreV1().ConfigMaps(b.namespace).Create(b.ctx, configMapNamed("told"), createOptions)
	if err != nil {
		return err
	}
	for range 3 {
		recorder.Event(about, corev1.EventTypeWarning, "Repeated", "said three times")
	}
	// The same event is counted by patches of the first one.
	return b.eventually(func() error {
		found, err := b.json.CoreV1().Events(b.namespace).Search(scheme.Scheme, about)
		if err != nil {
			return err
		}
		if len(found.Items) != 1 || found.Items[0].Count != 3 {
			return fmt.Errorf("%d events, %+v", len(found.Items), found.Items)
		}
		return nil
	})
}

func recordsNewEvents(b *bed) error {
	ctx, cancel := context.WithCancel(b.ctx)
	defer cancel()
	broadcaster := toolsevents.NewBroadcaster(&toolsevents.EventSinkImpl{Interface: b.proto.EventsV1()})
	defer broadcaster.Shutdown()
	if err := broadcaster.StartRecordingToSinkWithContext(ctx); err != nil {
		return err
	}
	about, err := b.json.CoreV1().ConfigMaps(b.namespace).Get(b.ctx, "told", getOptions)
	if err != nil {
		return err
	}
	about.APIVersion, about.Kind = "v1", "ConfigMap"
	var object runtime.Object = about
	recorder := broadcaster.NewRecorder(scheme.Scheme, "tester.example.com/new")
	for range 3 {
		recorder.Eventf(object, nil, corev1.EventTypeNormal, "New", "Looking", "said anew")
	}
	return b.eventually(func() error {
		found, err := b.json.EventsV1().Events(b.namespace).List(b.ctx, metav1.ListOptions{FieldSelector: "reason=New"})
		if err != nil {
			return err
		}
		if len(found.Items) != 1 || found.Items[0].Series == nil || found.Items[0].Series.Count < 2 {
			return fmt.Errorf("%d events: %+v", len(found.Items), found.Items)
		}
		old, err := b.json.CoreV1().Events(b.namespace).Get(b.ctx, found.Items[0].Name, getOptions)
		if err == nil && (old.Message != "said anew" || old.InvolvedObject.Name != "told") {
			err = fmt.Errorf("as core/v1 it is %+v", old)
		}
		return err
	})
}
