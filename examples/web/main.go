// Web is a web application whose users sign in with Entra ID, each to open their
// own mailbox. Nobody signs in again when the program is restarted, until they
// sign out.
//
//	go run ./examples/web
//
// shows two users, with an Entra ID and an Exchange Online in this process, where
// a function fills in the pages. For real mailboxes set EXO_TENANT, EXO_CLIENT_ID
// and EXO_CLIENT_SECRET, register the redirect address
// http://localhost:8080/signed-in under "Web", and open
// http://localhost:8080/?user=adele@contoso.com.
//
// Two things a real application does otherwise. It knows its user by a login of
// its own, and a form that signs out by a token against forgery; this one believes
// whoever asks, so it listens on this machine alone.
// And it keeps the tokens in its database; here a map stands for that.
package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/signal"

	"github.com/emersion/go-imap/v2"

	"github.com/exoauth/exoauth/imapdial"
	"github.com/exoauth/exoauth/tokensource"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Stdout, os.Getenv); err != nil {
		fmt.Fprintln(os.Stderr, "web:", err)
		os.Exit(1)
	}
}

// An app is the application. Each user has a Config, which differs in its CacheKey.
type app struct {
	config  tokensource.Config
	dialer  func(*tokensource.Source) *imapdial.Dialer
	address string // of the application itself
	visits  visits
}

func (a *app) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", a.inbox)
	mux.HandleFunc("GET /signed-in", a.signedIn)
	mux.HandleFunc("POST /sign-out", a.signOut)
	return mux
}

func (a *app) configOf(user string) *tokensource.Config {
	config := a.config
	config.CacheKey = user
	return &config
}

// inbox opens the mailbox of a user who has signed in, and has others do so.
func (a *app) inbox(w http.ResponseWriter, r *http.Request) {
	user := r.FormValue("user")
	source := a.configOf(user).SignedIn()
	client, err := a.dialer(source).Dial(r.Context(), user)
	if errors.Is(err, tokensource.ErrInteractionRequired) {
		a.signIn(w, r, user)
		return
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
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

func (a *app) signIn(w http.ResponseWriter, r *http.Request, user string) {
	address, signIn, err := a.configOf(user).AuthCodeURL(tokensource.AuthCodeOptions{
		RedirectURL: a.address + "/signed-in", LoginHint: user,
	})
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	a.visits.begin(w, visit{user, signIn})
	http.Redirect(w, r, address, http.StatusFound)
}

// signedIn is where Entra ID sends the browser back to. Exchange has stored the
// tokens when it returns.
func (a *app) signedIn(w http.ResponseWriter, r *http.Request) {
	visit, err := a.visits.end(r)
	if err == nil {
		_, err = a.configOf(visit.user).Exchange(r.Context(), visit.signIn, r.URL.Query())
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusForbidden)
		return
	}
	http.Redirect(w, r, "/?user="+url.QueryEscape(visit.user), http.StatusFound)
}

// signOut takes the user's tokens out of the table.
func (a *app) signOut(w http.ResponseWriter, r *http.Request) {
	user := r.FormValue("user")
	if err := a.configOf(user).SignedIn().SignOut(r.Context()); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	fmt.Fprintf(w, "%s: signed out\n", user)
}
