package dial

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/oauth2"
)

func TestValidityAt(t *testing.T) {
	for addr, want := range map[string]time.Duration{
		"smtp.hve.mx.microsoft:587":      hveValidity,
		"SMTP.HVE.mx.Microsoft.:587":     hveValidity,
		"smtp-hve.office365.com:25":      hveValidity,
		"smtp-hve.office365.com":         hveValidity,
		"smtp.office365.com:587":         0,
		"a.smtp-hve.office365.com:587":   0,
		"smtp-hve.office365.com.a.b:587": 0,
		"127.0.0.1:587":                  0,
		"::1":                            0,
		"":                               0,
	} {
		if got := ValidityAt(addr); got != want {
			t.Errorf("%q: %v, want %v", addr, got, want)
		}
	}
}

func TestLasts(t *testing.T) {
	for name, row := range map[string]struct {
		left, d time.Duration
		want    bool
	}{
		"as long as demanded":        {ten, ten, true},
		"a nanosecond less":          {ten - 1, ten, false},
		"expired, a moment demanded": {0, 1, false},
		"expired, nothing demanded":  {-time.Second, 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				token := &oauth2.Token{Expiry: time.Now().Add(row.left)}
				if got := lasts(token, row.d); got != row.want {
					t.Errorf("%t, want %t", got, row.want)
				}
			})
		})
	}
}

// plainSource gives the tokens of a list, the last one for ever; token n is
// named n. It moves on when somebody tells it to.
type plainSource struct {
	left  []time.Duration // of each token; negative is no expiry
	err   error           // instead of the second token
	asked int
	at    int
}

func (s *plainSource) Token() (*oauth2.Token, error) {
	s.asked++
	if s.err != nil && s.at == 1 {
		return nil, s.err
	}
	token := &oauth2.Token{AccessToken: strconv.Itoa(s.at)}
	if left := s.left[s.at]; left >= 0 {
		token.Expiry = time.Now().Add(left)
	}
	return token, nil
}

// toldSource is one that wants to know of refusals.
type toldSource struct{ plainSource }

func (s *toldSource) Invalidate(*oauth2.Token) { s.at = min(s.at+1, len(s.left)-1) }

// askedSource is one that can be asked for a token that is valid for d, and
// gives the last one of the list then.
type askedSource struct {
	toldSource
	d time.Duration
}

func (s *askedSource) TokenValidFor(_ context.Context, d time.Duration) (*oauth2.Token, error) {
	if d != s.d {
		return nil, fmt.Errorf("asked for %v, want %v", d, s.d)
	}
	s.at = len(s.left) - 1
	return s.Token()
}

const ten = 10 * time.Minute

func left(d ...time.Duration) plainSource { return plainSource{left: d} }

func TestAskLasting(t *testing.T) {
	gone := errors.New("no network")
	for name, row := range map[string]struct {
		src     oauth2.TokenSource
		d       time.Duration
		token   string
		renewed bool
		err     error
	}{
		"no demand":                     {&toldSource{left(0, time.Hour)}, 0, "0", false, nil},
		"less than no demand":           {&toldSource{left(0, time.Hour)}, -1, "0", false, nil},
		"no expiry":                     {&toldSource{left(-1, time.Hour)}, ten, "0", false, nil},
		"as long as demanded":           {&toldSource{left(ten, time.Hour)}, ten, "0", false, nil},
		"a nanosecond less":             {&toldSource{left(ten-1, time.Hour)}, ten, "1", true, nil},
		"the next one is no better":     {&toldSource{left(time.Minute, time.Minute, time.Hour)}, ten, "1", true, nil},
		"there is no next one":          {&toldSource{left(time.Minute)}, ten, "0", true, nil},
		"the next one fails":            {&toldSource{plainSource{left: []time.Duration{0, 0}, err: gone}}, ten, "", true, gone},
		"it cannot be told":             {new(left(time.Minute, time.Hour)), ten, "0", false, nil},
		"it can be asked":               {&askedSource{toldSource{left(0, time.Hour)}, ten}, ten, "1", false, nil},
		"it can be asked for a moment":  {&askedSource{toldSource{left(0, time.Hour)}, 1}, 1, "1", false, nil},
		"it can be asked, and has none": {&askedSource{toldSource{left(time.Hour, ten-1)}, ten}, ten, "1", false, nil},
		"it can be asked, and need not": {&askedSource{toldSource{left(0, time.Hour)}, ten}, 0, "0", false, nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				token, renewed, err := askLasting(t.Context(), row.src, row.d)
				if !errors.Is(err, row.err) || err == nil && token.AccessToken != row.token || renewed != row.renewed {
					t.Errorf("token %v, renewed %v, error %v; want token %q, renewed %v, error %v", token, renewed, err, row.token, row.renewed, row.err)
				}
			})
		})
	}
}

// server is the steps of a login at a server that wants a token to be valid for ten
// minutes. It is given the source to know for how long each is.
type server struct{ src *plainSource }

func (s server) authenticate(token *oauth2.Token) error {
	n, err := strconv.Atoi(token.AccessToken)
	if left := s.src.left[n]; err != nil || left >= 0 && left < ten {
		return errRefused
	}
	return nil
}

func (s server) judge(err error) Answer {
	if err == errRefused {
		return Renewable
	}
	return None
}

func (server) connect(context.Context, error) error              { return nil }
func (server) refused(context.Context, error)                    {}
func (server) took(time.Duration)                                {}
func (server) close()                                            {}
func (server) Fail(_ context.Context, _ string, err error) error { return err }

var errRefused = errors.New("501 5.5.127 Token will expire soon error")

// Whatever a source is, and whether the demand is known or not, a login costs
// one request more at most.
func TestOneRequestMore(t *testing.T) {
	for name, row := range map[string]struct {
		left  []time.Duration
		asked int
		err   error
	}{
		"11 minutes left":           {[]time.Duration{11 * time.Minute, time.Hour}, 1, nil},
		"9 minutes left":            {[]time.Duration{9 * time.Minute, time.Hour}, 2, nil},
		"9 minutes left, always":    {[]time.Duration{9 * time.Minute}, 2, errRefused},
		"9 minutes left, each time": {[]time.Duration{9 * time.Minute, 9 * time.Minute, 9 * time.Minute}, 2, errRefused},
	} {
		for _, validFor := range []time.Duration{ten, 0} {
			t.Run(fmt.Sprintf("%s/ValidFor %v", name, validFor), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					src := &toldSource{left(row.left...)}
					err := login(t.Context(), server{&src.plainSource}, src, validFor)
					if !errors.Is(err, row.err) || src.asked != row.asked {
						t.Errorf("asked %d times, error %v; want %d, %v", src.asked, err, row.asked, row.err)
					}
				})
			})
		}
	}
}

// sourceFunc is a plain source.
type sourceFunc func() (*oauth2.Token, error)

func (f sourceFunc) Token() (*oauth2.Token, error) { return f() }

func TestToken(t *testing.T) {
	failed := errors.New("failed")
	for name, row := range map[string]struct {
		src  sourceFunc
		want error
	}{
		"a token":              {func() (*oauth2.Token, error) { return new(oauth2.Token), nil }, nil},
		"an error":             {func() (*oauth2.Token, error) { return nil, failed }, failed},
		"neither":              {func() (*oauth2.Token, error) { return nil, nil }, errNoToken},
		"its goroutine ends":   {func() (*oauth2.Token, error) { runtime.Goexit(); return nil, nil }, errNoToken},
		"it outlives contexts": {func() (*oauth2.Token, error) { time.Sleep(time.Hour); return nil, nil }, context.DeadlineExceeded},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				start := time.Now()
				token, err := Token(ctx, row.src, ten)
				defer time.Sleep(time.Hour) // until the source has answered
				if !errors.Is(err, row.want) || (err == nil) != (token != nil) || time.Since(start) > time.Minute {
					t.Errorf("%v, %v after %v; want error %v", token, err, time.Since(start), row.want)
				}
			})
		})
	}
}
