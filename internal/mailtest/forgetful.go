package mailtest

import (
	"errors"
	"fmt"

	"golang.org/x/oauth2"
)

// ErrRenewal is wrapped by the error of a [Forgetful] source.
var ErrRenewal = errors.New("the renewal failed")

// Forgetful is a source that has one token, and repeats it in its error once it
// was told that the server refused it.
type Forgetful struct {
	AccessToken string
	refused     string
}

// Token implements oauth2.TokenSource.
func (s *Forgetful) Token() (*oauth2.Token, error) {
	if s.refused != "" {
		return nil, fmt.Errorf("%w: cannot renew %s", ErrRenewal, s.refused)
	}
	return &oauth2.Token{AccessToken: s.AccessToken}, nil
}

// Invalidate tells it of the refusal.
func (s *Forgetful) Invalidate(t *oauth2.Token) { s.refused = t.AccessToken }
