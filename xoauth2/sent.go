package xoauth2

import (
	"slices"
	"sync"
	"time"
)

const (
	// maxSent is how many tokens of one SMTPAuth may be in exchanges at once.
	// There is one in most programs, and two while it is renewed.
	maxSent = 64
	// maxExchange is longer than any server leaves a client in an exchange.
	maxExchange = time.Hour
)

// sentTokens are the tokens that a challenge may echo. Next does not know which
// exchange it is called for, so it hides them all.
type sentTokens struct {
	mu     sync.Mutex
	tokens []sentToken // the last one sent is the last
}

type sentToken struct {
	token string
	at    time.Time
}

func (s *sentTokens) add(token string) {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tokens = slices.DeleteFunc(s.tokens, func(t sentToken) bool {
		return t.token == token || now.Sub(t.at) > maxExchange
	})
	if len(s.tokens) == maxSent {
		s.tokens = slices.Delete(s.tokens, 0, 1)
	}
	s.tokens = append(s.tokens, sentToken{token, now})
}

func (s *sentTokens) recent() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	tokens := make([]string, len(s.tokens))
	for i, t := range s.tokens {
		tokens[i] = t.token
	}
	return tokens
}
