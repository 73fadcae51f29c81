package main

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"sync"

	"github.com/exoauth/exoauth/tokensource"
)

// table stands for one of a database, with the columns key and value. Its values
// open mailboxes: see tokensource.Encrypted.
type table struct{ rows sync.Map }

func (t *table) Get(_ context.Context, key string) ([]byte, error) {
	value, ok := t.rows.Load(key)
	if !ok {
		return nil, tokensource.ErrCacheMiss
	}
	return value.([]byte), nil
}

func (t *table) Put(_ context.Context, key string, value []byte) error {
	t.rows.Store(key, value)
	return nil
}

func (t *table) Delete(_ context.Context, key string) error {
	t.rows.Delete(key)
	return nil
}

// A visit is what is to be known of a browser that is at Entra ID.
type visit struct {
	user   string
	signIn tokensource.SignIn
}

// visits stands for the sessions of a web framework.
type visits struct{ of sync.Map }

func (v *visits) begin(w http.ResponseWriter, begun visit) {
	id := rand.Text()
	v.of.Store(id, begun)
	http.SetCookie(w, &http.Cookie{Name: "visit", Value: id, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode})
}

// end returns a visit once.
func (v *visits) end(r *http.Request) (visit, error) {
	cookie, err := r.Cookie("visit")
	if err != nil {
		return visit{}, err
	}
	begun, ok := v.of.LoadAndDelete(cookie.Value)
	if !ok {
		return visit{}, errors.New("this browser has begun no sign-in")
	}
	return begun.(visit), nil
}
