package main

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/exoauth/exoauth"
	"github.com/exoauth/exoauth/tokensource"
)

// Any credential of azidentity, such as DefaultAzureCredential, becomes a
// Source that the dialers take.
func Example_azidentity() {
	s := newServer()
	defer s.Close()
	credential := azure(s, s.Client())

	source := tokensource.Func(func(ctx context.Context) (string, time.Time, error) {
		token, err := credential.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{exoauth.Global.AppScope()}})
		return token.Token, token.ExpiresOn, err
	})
	token, err := source.Token()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(token.Type(), token.Valid())
	// Output: Bearer true
}

// A client of MSAL Go becomes a Source too, and with that gets what it lacks:
// one request for all who wait, and failures that are shared.
func Example_msal() {
	s := newServer()
	defer s.Close()
	client := msal(s, s.Client())

	source := tokensource.Func(func(ctx context.Context) (string, time.Time, error) {
		result, err := client.AcquireTokenByCredential(ctx, []string{exoauth.Global.AppScope()})
		return result.AccessToken, result.ExpiresOn, err
	})
	token, err := source.Token()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(token.Type(), token.Valid())
	// Output: Bearer true
}
