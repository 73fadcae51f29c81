package entra

import (
	"crypto/sha256"
	"net/url"
	"strings"
	"sync"
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

// loops are the requests of late, by their form.
type loops struct {
	mu     sync.Mutex
	byForm map[[sha256.Size]byte]*loop
}

// add counts a request, and reports whether it is refused, as those are beyond
// the limit and all that follow within the pause.
func (ls *loops) add(form url.Values, now time.Time, limit int, pause time.Duration) bool {
	key := sha256.Sum256([]byte(form.Encode()))
	ls.mu.Lock()
	defer ls.mu.Unlock()
	l := ls.byForm[key]
	if l == nil || now.Sub(l.since) > loopWindow && now.After(l.blocked) {
		l = &loop{since: now}
		ls.byForm[key] = l
	}
	if l.count++; l.count > limit {
		l.blocked = now.Add(pause)
	}
	return now.Before(l.blocked)
}

// checkLoop refuses a request that repeats others too often, but for polls,
// which are meant to.
func (s *Server) checkLoop(r *tokenRequest) *aadsts.Refusal {
	grant := r.PostForm.Get("grant_type")
	switch {
	case s.LoopLimit == 0 || strings.HasSuffix(grant, "device_code"):
	case grant != "client_credentials" && s.loops.add(r.PostForm, s.Clock.Now(), s.LoopLimit, loopPause):
		return aadsts.Refuse(aadsts.Loop)
	case grant == "client_credentials" && s.loops.add(r.PostForm, s.Clock.Now(), s.LoopLimit, appPause):
		return aadsts.TooManyRequests(appPause)
	}
	return nil
}
