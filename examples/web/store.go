package main

import (
	"context"
	"crypto/rand"
	"maps"
	"net/http"
	"sync"
	"time"

	"github.com/exoauth/exoauth/tokencache"
)

// A table stands for a database table with the columns key, value and since.
// Its values open mailboxes: see tokencache.Encrypted.
type table struct {
	mu   sync.Mutex
	rows map[string]dated[[]byte]
}

// outlived is the age of a row whose tokens have expired: a refresh token ends
// if nobody uses it for 90 days.
const outlived = 100 * 24 * time.Hour

func newTable() *table { return &table{rows: make(map[string]dated[[]byte])} }

func (t *table) Get(_ context.Context, key string) ([]byte, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	row, ok := t.rows[key]
	if !ok {
		return nil, tokencache.ErrMiss
	}
	return row.thing, nil
}

func (t *table) Put(_ context.Context, key string, value []byte) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	dropOld(t.rows, now.Add(-outlived))
	t.rows[key] = dated[[]byte]{value, now}
	return nil
}

func (t *table) Delete(_ context.Context, key string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.rows, key)
	return nil
}

// dated is a thing with its age.
type dated[T any] struct {
	thing T
	since time.Time
}

func dropOld[T any](things map[string]dated[T], before time.Time) {
	maps.DeleteFunc(things, func(_ string, d dated[T]) bool { return !d.since.After(before) })
}

// maxKept bounds a shelf. If it is full, the oldest thing is dropped.
const maxKept = 1000

// A shelf keeps one thing for each browser, found by a cookie, for a limited
// time. It stands for the sessions of a web framework.
type shelf[T any] struct {
	cookie string
	life   time.Duration

	mu   sync.Mutex
	kept map[string]dated[T]
}

func newShelf[T any](cookie string, life time.Duration) *shelf[T] {
	return &shelf[T]{cookie: cookie, life: life, kept: make(map[string]dated[T])}
}

// put keeps a thing under a new cookie, in the place of the browser's old one.
func (s *shelf[T]) put(w http.ResponseWriter, r *http.Request, thing T) {
	id := rand.Text()
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.kept, s.idOf(r))
	now := time.Now()
	dropOld(s.kept, now.Add(-s.life))
	if len(s.kept) >= maxKept {
		s.dropOldest()
	}
	s.kept[id] = dated[T]{thing, now}
	s.setCookie(w, r, id, int(s.life/time.Second))
}

func (s *shelf[T]) dropOldest() {
	var oldest string
	for id, d := range s.kept {
		if oldest == "" || d.since.Before(s.kept[oldest].since) {
			oldest = id
		}
	}
	delete(s.kept, oldest)
}

// get returns the browser's thing.
func (s *shelf[T]) get(r *http.Request) (thing T, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d, ok := s.kept[s.idOf(r)]
	if !ok || time.Since(d.since) >= s.life {
		return thing, false
	}
	return d.thing, true
}

// take returns the browser's thing and drops it.
func (s *shelf[T]) take(w http.ResponseWriter, r *http.Request) (T, bool) {
	thing, ok := s.get(r)
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.kept, s.idOf(r))
	s.setCookie(w, r, "", -1)
	return thing, ok
}

func (s *shelf[T]) idOf(r *http.Request) string {
	cookie, err := r.Cookie(s.cookie)
	if err != nil {
		return ""
	}
	return cookie.Value
}

// setCookie sets a cookie that no script can read. A request from another site
// has it only if that leads the browser here, as Entra ID does.
func (s *shelf[T]) setCookie(w http.ResponseWriter, r *http.Request, value string, age int) {
	http.SetCookie(w, &http.Cookie{
		Name: s.cookie, Value: value, Path: "/", MaxAge: age,
		HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: r.TLS != nil,
	})
}
