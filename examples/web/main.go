// Web is a web application whose users sign in with Entra ID, each to open their
// own mailbox. Nobody signs in again when an access token expires, until they
// sign out.
//
//	go run ./examples/web
//
// shows two users, with an Entra ID and an Exchange Online in this process, where
// a function fills in the pages. For real mailboxes set EXO_TENANT, EXO_CLIENT_ID
// and EXO_CLIENT_SECRET, register the redirect address
// http://localhost:8080/signed-in under "Web", and open http://localhost:8080/.
// EXO_PORT is another port.
//
// The application knows its users by Entra ID's id_token, never by words of the
// browser. A real application keeps sessions, users and tokens in a database
// instead of maps, and is only reached by https.
package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/emersion/go-imap/v2"

	"github.com/exoauth/exoauth/imapdial"
	"github.com/exoauth/exoauth/tokensource"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
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

	visits   *shelf[visit]  // browsers that are at Entra ID
	sessions *shelf[person] // browsers whose user has signed in
	users    sync.Map       // the CacheKey of each identity, which may have several browsers
}

// A visit is the state of a browser that is at Entra ID.
type visit struct {
	signIn  tokensource.SignIn
	expects person // zero for anybody
}

func newApp(config tokensource.Config, dialer func(*tokensource.Source) *imapdial.Dialer) *app {
	cloud := config.Cloud.WithDefaults()
	config.Scopes = []string{cloud.UserScope("IMAP.AccessAsUser.All"), "offline_access", "openid", "profile"}
	return &app{
		config: config, dialer: dialer,
		visits:   newShelf[visit]("visit", 15*time.Minute),
		sessions: newShelf[person]("session", 8*time.Hour),
	}
}

func (a *app) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", a.inbox)
	mux.HandleFunc("POST /sign-in", a.signIn)
	mux.HandleFunc("GET /signed-in", a.signedIn)
	mux.HandleFunc("POST /sign-out", a.signOut)
	return a.guard(mux)
}

func (a *app) configOf(cacheKey string) *tokensource.Config {
	config := a.config
	config.CacheKey = cacheKey
	return &config
}

// inbox opens the mailbox of a user who has signed in, and has others do so.
func (a *app) inbox(w http.ResponseWriter, r *http.Request) {
	who, ok := a.sessions.get(r)
	cacheKey, known := a.users.Load(who.identity)
	if !ok || !known {
		show(w, http.StatusOK, page{Text: "Nobody has signed in.", Do: "sign-in"})
		return
	}
	count, err := a.count(r.Context(), a.configOf(cacheKey.(string)).Resume(), who.Name)
	switch {
	case errors.Is(err, tokensource.ErrInteractionRequired):
		show(w, http.StatusOK, page{Text: who.Name + " has to sign in again.", Do: "sign-in"})
	case err != nil:
		fail(w, r, http.StatusBadGateway, "The mailbox does not open.", err)
	default:
		show(w, http.StatusOK, page{Text: fmt.Sprintf("%s: messages in INBOX: %d", who.Name, count), Do: "sign-out"})
	}
}

func (a *app) count(ctx context.Context, source *tokensource.Source, mailbox string) (uint32, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	client, err := a.dialer(source).Dial(ctx, mailbox)
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

// signIn sends the browser to Entra ID.
func (a *app) signIn(w http.ResponseWriter, r *http.Request) {
	who, _ := a.sessions.get(r)
	address, signIn, err := a.config.AuthCodeURL(tokensource.AuthCodeOptions{
		RedirectURL: a.address + "/signed-in", LoginHint: who.Name,
	})
	if err != nil {
		fail(w, r, http.StatusInternalServerError, "The application is not set up.", err)
		return
	}
	a.visits.put(w, r, visit{signIn, who})
	http.Redirect(w, r, address, http.StatusSeeOther)
}

// signedIn is where Entra ID sends the browser back to. Exchange stores the
// tokens before the application knows whose they are, so they get a new key.
func (a *app) signedIn(w http.ResponseWriter, r *http.Request) {
	begun, ok := a.visits.take(w, r)
	if !ok {
		fail(w, r, http.StatusForbidden, "This browser has begun no sign-in.", nil)
		return
	}
	cacheKey := rand.Text()
	source, err := a.configOf(cacheKey).Exchange(r.Context(), begun.signIn, r.URL.Query())
	if err != nil {
		fail(w, r, http.StatusForbidden, "Nobody has signed in.", err)
		return
	}
	who, err := a.whoSignedIn(r.Context(), source)
	if expected := begun.expects; err == nil && expected != (person{}) && who.identity != expected.identity {
		err = fmt.Errorf("%s has signed in instead of %s", who.Name, expected.Name)
	}
	if err != nil {
		fail(w, r, http.StatusForbidden, "That was another user. Sign out first.", errors.Join(err, source.SignOut(r.Context())))
		return
	}
	if old, ok := a.users.Swap(who.identity, cacheKey); ok {
		if err := a.forget(r.Context(), old.(string)); err != nil {
			slog.WarnContext(r.Context(), "tokens are left in the table", "error", err)
		}
	}
	a.sessions.put(w, r, who)
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// signOut removes the user's tokens from the table, for all browsers.
func (a *app) signOut(w http.ResponseWriter, r *http.Request) {
	who, ok := a.sessions.get(r)
	if !ok {
		show(w, http.StatusOK, page{Text: "Nobody has signed in.", Do: "sign-in"})
		return
	}
	if cacheKey, ok := a.users.Load(who.identity); ok {
		if err := a.forget(r.Context(), cacheKey.(string)); err != nil {
			fail(w, r, http.StatusInternalServerError, "The tokens are still stored. Try again.", err)
			return
		}
		a.users.CompareAndDelete(who.identity, cacheKey)
	}
	a.sessions.take(w, r)
	show(w, http.StatusOK, page{Text: who.Name + ": signed out", Do: "sign-in"})
}

func (a *app) forget(ctx context.Context, cacheKey string) error {
	return a.configOf(cacheKey).Resume().SignOut(ctx)
}
