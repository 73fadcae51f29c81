package exchangetest

import (
	"crypto/sha256"
	"net/url"
	"strings"
	"time"

	"github.com/exoauth/exoauth/exchangetest/internal/aadsts"
)

// A client that repeats a request so often within loopWindow is refused for
// loopPause, of which it is told nothing. Reports have it at five to twenty
// times, and about two minutes. An application without a user is told to wait
// for appPause.
// (https://learn.microsoft.com/entra/msal/dotnet/advanced/client-and-server-throttling)
const (
	loopWindow = 10 * time.Second
	loopPause  = 2 * time.Minute
	appPause   = time.Minute
)

// A loop counts equal requests.
type loop struct {
	since   time.Time
	count   int
	blocked time.Time // until when
}

// checkLoop refuses a request that repeats others too often, but for polls,
// which are meant to.
func (s *Server) checkLoop(r *tokenRequest) *entraError {
	grant := r.PostForm.Get("grant_type")
	switch {
	case s.LoopLimit == 0 || strings.HasSuffix(grant, "device_code"):
	case grant != "client_credentials" && s.looping(r.PostForm, loopPause):
		return refuse(aadsts.Loop)
	case grant == "client_credentials" && s.looping(r.PostForm, appPause):
		return tooManyRequests()
	}
	return nil
}

func (s *Server) looping(form url.Values, pause time.Duration) bool {
	key := sha256.Sum256([]byte(form.Encode()))
	now := s.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.loops[key]
	if l == nil || now.Sub(l.since) > loopWindow && now.After(l.blocked) {
		l = &loop{since: now}
		s.loops[key] = l
	}
	if l.count++; l.count > s.LoopLimit {
		l.blocked = now.Add(pause)
	}
	return now.Before(l.blocked)
}

// Hits returns how often an endpoint of Entra ID was asked so far, which is
// named by the last part of its path: "token", "devicecode", "authorize",
// "openid-configuration", "keys", "instance".
func (s *Server) Hits(endpoint string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.hits[endpoint]
}

func (s *Server) hit(endpoint string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hits[endpoint]++
}
