package main

import (
	"crypto/sha256"
	"maps"
	"sync"
	"time"

	"github.com/exoauth/exoauth/tokensource"
)

// maxSources bounds the number of Sources. If there are more, the one whose
// token expires first is dropped, which costs a request at its next call.
const maxSources = 1000

// sources has one Source for each token of a call, since two Sources share
// nothing. A Source ends with its token. The zero value is ready for use.
type sources struct {
	mu   sync.Mutex
	kept map[[sha256.Size]byte]kept
}

type kept struct {
	source *tokensource.Source
	until  time.Time
}

// of returns the Source for a token that verify has found good.
func (s *sources) of(token string, until time.Time, begin func(string) *tokensource.Source) *tokensource.Source {
	key, now := sha256.Sum256([]byte(token)), time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if k, ok := s.kept[key]; ok && now.Before(k.until) {
		return k.source
	}
	maps.DeleteFunc(s.kept, func(_ [sha256.Size]byte, k kept) bool { return !now.Before(k.until) })
	if len(s.kept) >= maxSources {
		s.forgetOne()
	}
	if s.kept == nil {
		s.kept = make(map[[sha256.Size]byte]kept)
	}
	source := begin(token)
	s.kept[key] = kept{source, until}
	return source
}

func (s *sources) forgetOne() {
	var first [sha256.Size]byte
	var until time.Time
	for key, k := range s.kept {
		if until.IsZero() || k.until.Before(until) {
			first, until = key, k.until
		}
	}
	delete(s.kept, first)
}
