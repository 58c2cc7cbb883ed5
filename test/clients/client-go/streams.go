package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	neturl "net/url"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/tools/remotecommand"
	"k8s.io/client-go/transport/spdy"
	clientexec "k8s.io/client-go/util/exec"
)

var streamChecks = []check{
	{"exec by SPDY", func(b *bed) error { return execs(b, newSPDY) }},
	{"exec by WebSocket", func(b *bed) error { return execs(b, newWebSocket) }},
	{"port-forward by SPDY", forwards},
	{"logs as a stream", logs},
}

type podPlace struct {
	namespace, name, container string
	port                       int
}

func (b *bed) place() podPlace {
	parts := append(strings.Split(b.pod, "/"), "", "", "", "")
	port, _ := strconv.Atoi(parts[3])
	return podPlace{parts[0], parts[1], parts[2], port}
}

type makeExecutor func(b *bed, url string) (remotecommand.Executor, error)

func execs(b *bed, make makeExecutor) error {
	if b.pod == "" {
		return nil
	}
	run := func(command ...string) (string, error) {
		at := b.place()
		request := b.json.CoreV1().RESTClient().Post().Resource("pods").Namespace(at.namespace).Name(at.name).SubResource("exec").
			VersionedParams(&corev1.PodExecOptions{Container: at.container, Command: command, Stdin: true, Stdout: true, Stderr: true}, scheme.ParameterCodec)
		executor, err := make(b, request.URL().String())
		if err != nil {
			return "", err
		}
		var stdout, stderr bytes.Buffer
		ctx, cancel := context.WithTimeout(b.ctx, patience)
		defer cancel()
		err = executor.StreamWithContext(ctx, remotecommand.StreamOptions{Stdin: strings.NewReader("typed\n"), Stdout: &stdout, Stderr: &stderr})
		return stdout.String() + stderr.String(), err
	}
	text, err := run("sh", "-c", "cat; echo to the other >&2")
	if err != nil {
		return err
	}
	if !strings.Contains(text, "typed") {
		return fmt.Errorf("said %q", text)
	}
	_, err = run("false")
	var exit clientexec.CodeExitError
	if !errors.As(err, &exit) || exit.Code == 0 {
		return fmt.Errorf("a command that fails is %v", err)
	}
	return nil
}

func newSPDY(b *bed, url string) (remotecommand.Executor, error) {
	parsed, err := neturl.Parse(url)
	if err != nil {
		return nil, err
	}
	return remotecommand.NewSPDYExecutor(b.config, http.MethodPost, parsed)
}

func newWebSocket(b *bed, url string) (remotecommand.Executor, error) {
	return remotecommand.NewWebSocketExecutor(b.config, http.MethodGet, url)
}

func forwards(b *bed) error {
	if b.pod == "" {
		return nil
	}
	at := b.place()
	roundTripper, upgrader, err := spdy.RoundTripperFor(b.config)
	if err != nil {
		return err
	}
	url := b.json.CoreV1().RESTClient().Post().Resource("pods").Namespace(at.namespace).Name(at.name).SubResource("portforward").URL()
	dialer := spdy.NewDialer(upgrader, &http.Client{Transport: roundTripper}, http.MethodPost, url)
	stop, ready := make(chan struct{}), make(chan struct{})
	defer close(stop)
	forwarder, err := portforward.NewOnAddresses(dialer, []string{"127.0.0.1"}, []string{fmt.Sprintf("0:%d", at.port)}, stop, ready, io.Discard, io.Discard)
	if err != nil {
		return err
	}
	failed := make(chan error, 1)
	go func() { failed <- forwarder.ForwardPorts() }()
	select {
	case err := <-failed:
		return err
	case <-ready:
	}
	ports, err := forwarder.GetPorts()
	if err != nil {
		return err
	}
	for range 3 {
		response, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/", ports[0].Local))
		if err != nil {
			return err
		}
		_, err = io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

func logs(b *bed) error {
	if b.pod == "" {
		return nil
	}
	at := b.place()
	stream, err := b.proto.CoreV1().Pods(at.namespace).GetLogs(at.name, &corev1.PodLogOptions{Container: at.container}).Stream(b.ctx)
	if err != nil {
		return err
	}
	defer stream.Close()
	if _, err := io.ReadAll(stream); err != nil {
		return err
	}
	_, err = b.proto.CoreV1().Pods(at.namespace).GetLogs("no-such-pod", &corev1.PodLogOptions{}).Stream(b.ctx)
	if !apierrors.IsNotFound(err) {
		return fmt.Errorf("logs of no pod are %v", err)
	}
	return nil
}
