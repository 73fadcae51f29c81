package tokensource

import (
	"encoding/json"
	"errors"
	"strings"
	"time"
)

// maxRecord bounds the value of an entry.
const maxRecord = 2 << 20

// A record is what a Cache has for one key. Times are those of the clock on
// the wall, as no other one outlives a process.
type record struct {
	Version      int               `json:"version"`
	Key          string            `json:"key"` // its own, so that one that is moved is found out
	AccessToken  string            `json:"access_token,omitempty"`
	Asked        time.Time         `json:"asked,omitzero"`
	Lifetime     time.Duration     `json:"lifetime,omitempty"`
	RefreshIn    time.Duration     `json:"refresh_in,omitempty"`
	Extra        map[string]string `json:"extra,omitempty"`
	RefreshToken string            `json:"refresh_token,omitempty"`
	SignedOut    bool              `json:"signed_out,omitempty"` // then there are no tokens
	Room         string            `json:"room,omitempty"`       // padding
}

const recordVersion = 1

func newRecord(g *grant, refreshToken string) *record {
	r := &record{
		AccessToken: g.accessToken, Asked: g.asked.Round(0).UTC(), Lifetime: g.lifetime, RefreshIn: g.refreshIn,
		RefreshToken: refreshToken,
	}
	for name, value := range g.extra {
		if text, ok := value.(string); ok {
			if r.Extra == nil {
				r.Extra = make(map[string]string)
			}
			r.Extra[name] = text
		}
	}
	return r
}

// padded returns a record with the tokens of r, which may be nil, and this
// refresh token. It is longer than the next record will be.
func (r *record) padded(refreshToken string) *record {
	const usual, more = 6 << 10, 1 << 10
	p := new(record)
	if r != nil {
		*p = *r
	}
	p.RefreshToken = refreshToken
	known := len(p.AccessToken) + len(p.RefreshToken)
	for _, text := range p.Extra {
		known += len(text)
	}
	p.Room = strings.Repeat(" ", max(usual-known, more))
	return p
}

func (r *record) encode(key string) ([]byte, error) {
	r.Version, r.Key = recordVersion, key
	value, err := json.Marshal(r)
	if err == nil && len(value) > maxRecord {
		return nil, errRecordTooLong
	}
	return value, err
}

var errRecordTooLong = errors.New("the entry is longer than 2 MiB")

// decodeRecord refuses what encode cannot have made for this key. Its errors
// quote nothing of the value.
func decodeRecord(value []byte, key string) (*record, error) {
	r := new(record)
	switch {
	case len(value) > maxRecord:
		return nil, errRecordTooLong
	case json.Unmarshal(value, r) != nil:
		return nil, errors.New("is cut short, or was never written by this package")
	case r.Version != recordVersion:
		return nil, errors.New("has a form that this version does not know")
	case r.Key != key:
		return nil, errors.New("belongs to another key: somebody has moved it")
	case r.AccessToken == "":
		return r, nil
	}
	g := &grant{accessToken: r.AccessToken, lifetime: r.Lifetime}
	if g.check() != nil || r.RefreshIn < 0 {
		return nil, errors.New("has an access token that cannot be one")
	}
	return r, nil
}

// isFuture reports whether the access token is from a time that has not come,
// by a clock that was turned back since: nobody knows how old it is.
func (r *record) isFuture(now time.Time) bool { return r.Asked.Sub(now.Round(0)) > clockTolerance }

// grant returns the access token as if it had been asked for by this process,
// or nil where there is none that can be told the age of.
func (r *record) grant(now time.Time) *grant {
	if r == nil || r.AccessToken == "" || r.isFuture(now) {
		return nil
	}
	age := max(now.Round(0).Sub(r.Asked), 0)
	g := &grant{
		accessToken: r.AccessToken, asked: now.Add(-age), lifetime: r.Lifetime, refreshIn: r.RefreshIn,
	}
	g.fetched = g.asked
	for name, text := range r.Extra {
		if g.extra == nil {
			g.extra = make(map[string]any)
		}
		g.extra[name] = text
	}
	return g
}

// withoutToken returns what is left when the access token was refused.
func (r *record) withoutToken() *record { return &record{RefreshToken: r.RefreshToken} }
