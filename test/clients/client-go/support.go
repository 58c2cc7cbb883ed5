package main

import (
	"context"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"
)

// Writers of one object wait for each other, for as long as it takes.
var retryLong = wait.Backoff{Steps: 200, Duration: 2 * time.Millisecond, Factor: 1.2, Jitter: 0.5, Cap: 200 * time.Millisecond}

func requestToken(ctx context.Context, b *bed, name string) (string, error) {
	accounts := b.proto.CoreV1().ServiceAccounts(b.namespace)
	// A controller of the cluster makes the account; a server alone has none.
	if _, err := accounts.Get(ctx, name, getOptions); err != nil {
		account := serviceAccountNamed(name)
		if _, err := accounts.Create(ctx, account, createOptions); err != nil {
			return "", err
		}
	}
	seconds := int64(3600)
	made, err := accounts.CreateToken(ctx, name, &authenticationv1.TokenRequest{
		Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: &seconds},
	}, createOptions)
	if err != nil {
		return "", err
	}
	return made.Status.Token, nil
}

// As a pod's configuration is: an address, an authority and a token.
func withToken(config *rest.Config, token string) *rest.Config {
	anonymous := rest.AnonymousClientConfig(config)
	anonymous.BearerToken = token
	return anonymous
}
