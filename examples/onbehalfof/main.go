// Onbehalfof is a web API that opens the mailbox of whoever calls it: the
// caller's program has a token for the API, which the API exchanges for one of
// the same user for Exchange Online.
//
//	go run ./examples/onbehalfof
//
// calls itself once, with an Entra ID and an Exchange Online in this process.
// For the real ones set EXO_TENANT, EXO_CLIENT_ID and EXO_CLIENT_SECRET, and call
// http://localhost:8080/?user=adele@contoso.com with a token for the API.
package main

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"

	"github.com/emersion/go-imap/v2"

	"github.com/exoauth/exoauth"
	"github.com/exoauth/exoauth/imapdial"
	"github.com/exoauth/exoauth/tokensource"
)

func main() {
	if err := run(context.Background(), os.Stdout, os.Getenv); err != nil {
		fmt.Fprintln(os.Stderr, "onbehalfof:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer, getenv func(string) string) error {
	a := &api{config: tokensource.Config{
		Tenant: getenv("EXO_TENANT"), ClientID: getenv("EXO_CLIENT_ID"), Credential: tokensource.Secret(getenv("EXO_CLIENT_SECRET")),
	}}
	a.dialer = func(source *tokensource.Source) *imapdial.Dialer { return &imapdial.Dialer{TokenSource: source} }
	if a.config.Tenant == "" && a.config.ClientID == "" {
		fmt.Fprintln(out, "No settings: this runs against an Exchange Online in this process.\nFor a real mailbox set EXO_TENANT, EXO_CLIENT_ID and EXO_CLIENT_SECRET.")
		return demo(ctx, out, a)
	}
	fmt.Fprintln(out, "waiting for calls at http://localhost:8080/")
	return http.ListenAndServe("localhost:8080", a)
}

type api struct {
	config  tokensource.Config
	dialer  func(*tokensource.Source) *imapdial.Dialer
	sources sync.Map // of *tokensource.Source, by the hash of the token of the call
}

// ServeHTTP leaves it to Entra ID to refuse a token that is not for this API, or
// no good. A service that runs for long would drop the sources of tokens that
// have expired.
func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	incoming, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	source, _ := a.sources.LoadOrStore(sha256.Sum256([]byte(incoming)), a.config.OnBehalfOf(incoming))
	user := r.FormValue("user")
	client, err := a.dialer(source.(*tokensource.Source)).Dial(r.Context(), user)
	if e, ok := errors.AsType[*tokensource.Error](err); ok && errors.Is(err, tokensource.ErrInteractionRequired) {
		challenge(w, e)
		return
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusForbidden)
		return
	}
	defer client.Close()
	inbox, err := client.Select("INBOX", &imap.SelectOptions{ReadOnly: true}).Wait()
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	fmt.Fprintf(w, "%s: messages in INBOX: %d\n", user, inbox.NumMessages)
}

// challenge tells the caller's program to have the user sign in, with the claims
// that Conditional Access demands, or consent.
// (https://learn.microsoft.com/entra/identity-platform/claims-challenge)
func challenge(w http.ResponseWriter, e *tokensource.Error) {
	value := "Bearer"
	if e.Claims != "" {
		value = fmt.Sprintf(`Bearer realm="", authorization_uri="%s/common/oauth2/authorize", error="insufficient_claims", claims="%s"`,
			exoauth.Global.Authority, base64.StdEncoding.EncodeToString([]byte(e.Claims)))
	}
	w.Header().Set("WWW-Authenticate", value)
	http.Error(w, e.Error(), http.StatusUnauthorized)
}
