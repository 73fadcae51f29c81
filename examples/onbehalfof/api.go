package main

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/mail"
	"slices"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"

	"github.com/exoauth/exoauth/imapdial"
	"github.com/exoauth/exoauth/tokensource"
)

// callLimit bounds the time of one call.
const callLimit = 30 * time.Second

// An api is the web API.
type api struct {
	config  tokensource.Config
	dialer  func(*tokensource.Source) *imapdial.Dialer
	callers *verifier
	sources sources
}

func newAPI(config tokensource.Config, dialer func(*tokensource.Source) *imapdial.Dialer) *api {
	return &api{config: config, dialer: dialer, callers: newVerifier(&config, time.Now)}
}

func (a *api) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", a.inbox)
	return mux
}

// inbox tells how many messages there are.
func (a *api) inbox(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), callLimit)
	defer cancel()
	token := bearer(r)
	who, err := a.callers.verify(ctx, token)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	user := r.URL.Query().Get("user")
	if address, err := mail.ParseAddress(user); err != nil || address.Address != user {
		say(w, http.StatusBadRequest, "user is not an address")
		return
	}
	count, err := a.count(ctx, a.sources.of(token, who.ExpiresAt.Time, a.config.OnBehalfOf), user)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	say(w, http.StatusOK, fmt.Sprintf("%s: messages in INBOX: %d", user, count))
}

func (a *api) count(ctx context.Context, source *tokensource.Source, user string) (uint32, error) {
	client, err := a.dialer(source).Dial(ctx, user)
	if err != nil {
		return 0, err
	}
	defer client.Close()
	defer context.AfterFunc(ctx, func() { client.Close() })()
	inbox, err := client.Select("INBOX", &imap.SelectOptions{ReadOnly: true}).Wait()
	if err != nil {
		return 0, err
	}
	return inbox.NumMessages, nil
}

// bearer returns the token of a call (RFC 6750 §2.1).
func bearer(r *http.Request) string {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

// fail tells the caller only what the caller can mend. The log gets the whole
// error, which has no secrets in it.
func (a *api) fail(w http.ResponseWriter, r *http.Request, err error) {
	if !errors.Is(err, errToken) { // or strangers would fill the log
		slog.InfoContext(r.Context(), "a call failed", "error", err)
	}
	entra, ok := errors.AsType[*tokensource.Error](err)
	switch {
	case errors.Is(err, errScope):
		refuse(w, http.StatusForbidden, `error="insufficient_scope", scope="`+scope+`"`, "the token does not allow this call")
	case errors.Is(err, errToken), ok && slices.ContainsFunc(entra.AADSTS, isAboutAssertion):
		refuse(w, http.StatusUnauthorized, `error="invalid_token"`, "the token is not one for this API that is valid now")
	case ok && errors.Is(err, tokensource.ErrInteractionRequired):
		a.challenge(w, entra)
	case ok && entra.Code == "invalid_grant", imapdial.Refused(err), imapdial.NotConnected(err):
		say(w, http.StatusForbidden, "the user may not open this mailbox here")
	default:
		say(w, http.StatusBadGateway, "Entra ID or Exchange Online does not answer as it should")
	}
}

// isAboutAssertion reports whether Entra ID refused the token of the call,
// although verify did not.
func isAboutAssertion(code int) bool { return code == 50013 || code == 500131 || code == 500133 }

// challenge asks the calling program to let the user sign in, with the claims
// that Conditional Access demands, or consent.
// (https://learn.microsoft.com/entra/identity-platform/claims-challenge)
func (a *api) challenge(w http.ResponseWriter, e *tokensource.Error) {
	authorize := a.config.Cloud.WithDefaults().Authority + "/common/oauth2/authorize"
	switch {
	case e.Claims != "":
		refuse(w, http.StatusUnauthorized, fmt.Sprintf(`realm="", authorization_uri="%s", error="insufficient_claims", claims="%s"`,
			authorize, base64.StdEncoding.EncodeToString([]byte(e.Claims))), "the user has to sign in as the claims demand")
	case e.Suberror == "consent_required" || e.Code == "consent_required":
		refuse(w, http.StatusForbidden, `proposedAction="consent"`, "the user, or an administrator, has to allow this API to open the mailbox")
	default:
		refuse(w, http.StatusUnauthorized, `error="invalid_token"`, "the user has to sign in again")
	}
}

func refuse(w http.ResponseWriter, status int, parameters, text string) {
	w.Header().Set("WWW-Authenticate", "Bearer "+parameters)
	say(w, status, text)
}

// say answers with plain text.
func say(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Cache-Control", "no-store")
	http.Error(w, text, status)
}
