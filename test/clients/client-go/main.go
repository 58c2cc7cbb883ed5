// Real client-go against a Kubernetes API: each check is one thing that controllers and tools are made of.
// Prints "ok NAME" or "FAILED NAME: why" for each, and ends with 1 where one failed.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"time"

	"k8s.io/apimachinery/pkg/util/rand"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// Nothing takes a hundredth of it on a machine that has nothing else to do.
const patience = 60 * time.Second

// bed is what every check works with: one namespace of its own, and clients of it.
type bed struct {
	ctx       context.Context
	namespace string
	config    *rest.Config
	// The same API in its two encodings.
	json, proto *kubernetes.Clientset
	dynamic     *dynamic.DynamicClient
	// Brings the server down and up again; empty where there is no way to.
	restartCommand string
	// "namespace/pod/container/port" of a running pod that has a shell; empty where there is none.
	pod string
}

type check struct {
	name string
	run  func(*bed) error
}

func main() {
	kubeconfig := flag.String("kubeconfig", os.Getenv("KUBECONFIG"), "file of the cluster's access")
	restart := flag.String("restart", "", "shell command that brings the API server down and up again")
	pod := flag.String("pod", "", "NAMESPACE/POD/CONTAINER/PORT of a running pod with a shell")
	only := flag.String("only", "", "the one check to run")
	flag.Parse()
	config, err := clientcmd.BuildConfigFromFlags("", *kubeconfig)
	if err != nil {
		fmt.Println(err)
		os.Exit(2)
	}
	// What is looked at are answers, not how a client holds itself back.
	// Without a type, clients of built-in kinds speak protobuf since client-go 0.32.
	config.ContentType = "application/json"
	config.QPS, config.Burst = 500, 1000
	b, err := newBed(config, *restart, *pod)
	if err != nil {
		fmt.Println(err)
		os.Exit(2)
	}
	failed := runAll(b, *only)
	b.remove()
	if failed > 0 {
		os.Exit(1)
	}
}

func runAll(b *bed, only string) int {
	failed := 0
	for _, group := range [][]check{objectChecks, machineryChecks, customChecks, streamChecks, restartChecks} {
		for _, c := range group {
			if only != "" && only != c.name {
				continue
			}
			start := time.Now()
			if err := c.run(b); err != nil {
				failed++
				fmt.Printf("FAILED %s: %v\n", c.name, err)
				continue
			}
			fmt.Printf("ok %s (%d ms)\n", c.name, time.Since(start).Milliseconds())
		}
	}
	return failed
}

func newBed(config *rest.Config, restart, pod string) (*bed, error) {
	protoConfig := rest.CopyConfig(config)
	protoConfig.ContentType = "application/vnd.kubernetes.protobuf"
	protoConfig.AcceptContentTypes = "application/vnd.kubernetes.protobuf,application/json"
	b := &bed{
		ctx:            context.Background(),
		namespace:      "client-go-" + rand.String(6),
		config:         config,
		json:           kubernetes.NewForConfigOrDie(config),
		proto:          kubernetes.NewForConfigOrDie(protoConfig),
		dynamic:        dynamic.NewForConfigOrDie(config),
		restartCommand: restart,
		pod:            pod,
	}
	_, err := b.json.CoreV1().Namespaces().Create(b.ctx, namespaceNamed(b.namespace), createOptions)
	return b, err
}

func (b *bed) remove() {
	_ = b.json.CoreV1().Namespaces().Delete(b.ctx, b.namespace, deleteOptions)
}

func (b *bed) restart() error {
	output, err := exec.Command("sh", "-c", b.restartCommand).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", b.restartCommand, err, output)
	}
	return nil
}

// eventually tries until there is no error; the last one otherwise.
func (b *bed) eventually(try func() error) error {
	var last error
	err := wait.PollUntilContextTimeout(b.ctx, 20*time.Millisecond, patience, true, func(context.Context) (bool, error) {
		last = try()
		return last == nil, nil
	})
	if err != nil {
		return fmt.Errorf("not within %s: %w", patience, last)
	}
	return nil
}
