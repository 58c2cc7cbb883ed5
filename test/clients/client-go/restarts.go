package main

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/informers"
)

var restartChecks = []check{{"informers over restarts of the server", restarts}}

// Informers of both encodings see every object that is written between restarts, and none twice gone.
func restarts(b *bed) error {
	if b.restartCommand == "" {
		return nil
	}
	ctx, cancel := context.WithCancel(b.ctx)
	defer cancel()
	json := informers.NewSharedInformerFactoryWithOptions(b.json, 30*time.Second, informers.WithNamespace(b.namespace))
	proto := informers.NewSharedInformerFactoryWithOptions(b.proto, 30*time.Second, informers.WithNamespace(b.namespace))
	one, other := json.Core().V1().ConfigMaps(), proto.Core().V1().ConfigMaps()
	one.Informer()
	other.Informer()
	json.Start(ctx.Done())
	proto.Start(ctx.Done())
	json.WaitForCacheSync(ctx.Done())
	proto.WaitForCacheSync(ctx.Done())
	maps := b.proto.CoreV1().ConfigMaps(b.namespace)
	const rounds = 3
	for round := range rounds {
		name := fmt.Sprintf("round-%d", round)
		if err := b.restart(); err != nil {
			return err
		}
		err := b.eventually(func() error {
			_, err := maps.Create(ctx, configMapNamed(name), createOptions)
			if apierrors.IsAlreadyExists(err) {
				return nil
			}
			return err
		})
		if err != nil {
			return err
		}
		err = b.eventually(func() error {
			if _, err := one.Lister().ConfigMaps(b.namespace).Get(name); err != nil {
				return fmt.Errorf("in JSON: %w", err)
			}
			_, err := other.Lister().ConfigMaps(b.namespace).Get(name)
			return err
		})
		if err != nil {
			return err
		}
		if err := maps.Delete(ctx, name, deleteOptions); err != nil {
			return err
		}
		err = b.eventually(func() error {
			for _, it := range append(one.Informer().GetStore().List(), other.Informer().GetStore().List()...) {
				if it.(*corev1.ConfigMap).Name == name {
					return fmt.Errorf("%s is still in a cache", name)
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
