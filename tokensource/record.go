package tokensource

import (
	"encoding/json"
	"errors"
	"strings"
	"time"
)

// maxRecord bounds the value of an entry.
const maxRecord = 2 << 20

// A record is the value of an entry in a Cache. Its times are those of the
// clock on the wall, as no other one outlives a process.
type record struct {
	Version int    `json:"version"`
	Key     string `json:"key"` // its own, so that one that is moved is found out
	token
	SignedOut bool   `json:"signed_out,omitempty"` // then there are no tokens
	Room      string `json:"room,omitempty"`       // padding
}

const recordVersion = 1

// newRecord returns a record of t with this refresh token. t may be nil.
func newRecord(t *token, refreshToken string) *record {
	r := new(record)
	if t != nil {
		r.AccessToken, r.Asked, r.Lifetime, r.RefreshIn, r.Extra = t.AccessToken, t.Asked, t.Lifetime, t.RefreshIn, t.Extra
	}
	r.RefreshToken = refreshToken
	return r
}

// padded returns a record with the tokens of r, which may be nil, and this
// refresh token. It is longer than the next record will be.
func (r *record) padded(refreshToken string) *record {
	const usual, more = 6 << 10, 1 << 10
	p := newRecord(nil, refreshToken)
	if r != nil {
		p = newRecord(&r.token, refreshToken)
	}
	known := len(p.AccessToken) + len(p.RefreshToken)
	for _, value := range p.Extra {
		text, _ := value.(string)
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

var errRecordTooLong = errors.New("is longer than 2 MiB")

// decodeRecord returns an error for what encode cannot have made for this key.
// The error quotes nothing of the value.
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
	case r.AccessToken != "" && (r.check() != nil || r.RefreshIn < 0):
		return nil, errors.New("has an access token that cannot be one")
	}
	for _, value := range r.Extra {
		if _, ok := value.(string); !ok {
			return nil, errors.New("has something else in the place of a text")
		}
	}
	return r, nil
}

// futureTolerance is how far the clocks of two machines may be apart.
const futureTolerance = 30 * time.Second

// isFuture reports whether the access token is from a time that has not come,
// by a clock that was turned back since: nobody knows how old it is.
func (r *record) isFuture(now time.Time) bool { return r.Asked.Sub(now.Round(0)) > futureTolerance }

// stored returns the access token as if this process had asked for it, or nil
// if there is none whose age can be told.
func (r *record) stored(now time.Time) *token {
	if r == nil || r.AccessToken == "" || r.isFuture(now) {
		return nil
	}
	asked := now.Add(-max(now.Round(0).Sub(r.Asked), 0))
	t := newToken(r.AccessToken, asked, r.Lifetime)
	t.fetched, t.RefreshIn, t.Extra = asked, r.RefreshIn, r.Extra
	return t
}
