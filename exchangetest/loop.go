package exchangetest

import (
	"crypto/sha256"
	"strings"
	"time"
)

// A client that repeats a request so often within loopWindow is refused for
// loopPause. Reports have it at five to twenty times, and about two minutes.
const (
	loopWindow = 10 * time.Second
	loopPause  = 2 * time.Minute
)

// A loop counts equal requests.
type loop struct {
	since   time.Time
	count   int
	blocked time.Time // until when
}

// looping reports whether a request repeats others too often. Only those of
// users are watched, as in Entra ID.
func (s *Server) looping(r *tokenRequest) bool {
	form := r.PostForm
	if s.LoopLimit == 0 || form.Get("grant_type") == "client_credentials" || strings.HasSuffix(form.Get("grant_type"), "device_code") {
		return false
	}
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
		l.blocked = now.Add(loopPause)
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
