package tokensource

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/exoauth/exoauth/internal/azurehost"
	"github.com/exoauth/exoauth/internal/plain"
)

// identity is a managed identity made ready to be asked for tokens.
type identity struct {
	*owner
	host     *azurehost.Host
	options  ManagedIdentityOptions
	resource string
	http     http.Client
	limit    time.Duration
}

// identityName says whose tokens they are, in logs and errors.
func identityName(o ManagedIdentityOptions, host *azurehost.Host) string {
	id := cmp.Or(o.ClientID, o.ObjectID, o.ResourceID)
	if id == "" {
		return "the managed identity of the system (" + host.Name + ")"
	}
	return "the managed identity " + id + " (" + host.Name + ")"
}

// key is that of its tokens in a Cache. The identity of the system is another
// one on each machine, and may be another one for each program on it, which
// then has a secret of its own.
func (i *identity) key() (string, error) {
	o := i.options
	parts := []string{keyIdentity, i.host.Name, i.resource, strings.ToLower(o.ClientID), strings.ToLower(o.ObjectID), strings.ToLower(o.ResourceID)}
	if o.ClientID == "" && o.ObjectID == "" && o.ResourceID == "" {
		machine, err := os.Hostname()
		if err != nil {
			return "", err
		}
		parts = append(parts, machine, i.host.URL, i.host.Secret)
	}
	return cacheKey(parts...), nil
}

// longLived are tokens that are renewed after half of their lifetime.
const longLived = 2 * time.Hour

func (i *identity) fetch(ctx context.Context, pause pauseFunc) (*token, error) {
	return i.repeat(ctx, pause, i.backoff, func() (*token, error) { return i.request(ctx) })
}

func (i *identity) backoff(try int, err error) (time.Duration, bool) {
	status := 0
	if e, ok := err.(*Error); ok {
		status = e.StatusCode
	}
	switch wait, again := i.host.Wait(try, status); {
	case !again:
		return 0, false
	case wait == 0:
		return entraBackoff(try, err)
	case status == http.StatusGone:
		return wait, true
	default:
		return spread(wait, err), true
	}
}

// request makes one request, or two if the host wants a proof. Any error is an
// *Error.
func (i *identity) request(ctx context.Context) (*token, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, i.limit, errTimeout)
	defer cancel()
	t, challenge, e := i.send(ctx, "")
	if e != nil && e.StatusCode == http.StatusUnauthorized && i.host.KeyDir != "" {
		key, err := i.host.Key(challenge)
		if err != nil {
			return nil, i.failed(&credentialError{err})
		}
		t, _, e = i.send(ctx, key)
	}
	if e != nil {
		return nil, e
	}
	return t, nil
}

func (i *identity) send(ctx context.Context, key string) (t *token, challenge string, e *Error) {
	e = i.failed(nil)
	req, err := i.host.Request(ctx, key)
	if err != nil {
		e.Err = err
		return nil, "", e
	}
	e.CorrelationID = newGUID()
	req.Header.Set("x-ms-client-request-id", e.CorrelationID)
	secrets := new(plain.Secrets)
	secrets.Add(i.host.Secret, key)
	e.hint = i.host.Hint // until there is an answer
	bad := roundTrip(&i.http, req, e, secrets, func(a *answer, asked time.Time) (err error) {
		a.describeIdentity(e)
		e.hint = ""
		e.passes = slices.Contains(i.host.Passing, a.status)
		challenge = a.header.Get("WWW-Authenticate")
		a.dated = true
		if t, err = a.token(asked); err == nil {
			err = i.checkEcho(a)
		}
		if err != nil {
			e.hint = i.remedy(a)
			return err
		}
		if t.RefreshIn == 0 && t.Lifetime > longLived {
			t.RefreshIn = t.Lifetime / 2
		}
		i.gotToken(ctx, t, a)
		return nil
	})
	return t, challenge, bad
}

// describeIdentity reads the errors that are not those of OAuth: App Service's
// are flat, Service Fabric's are an object.
func (a *answer) describeIdentity(e *Error) {
	inner := parseFields(a.fields["error"])
	text := func(limit int, f fields, name string) string { return head(a.secrets.Text(f.text(name)), limit) }
	e.Code = cmp.Or(e.Code, text(128, inner, "code"))
	e.Description = cmp.Or(e.Description, text(4<<10, inner, "message"), text(4<<10, a.fields, "message"))
	e.CorrelationID = cmp.Or(text(64, inner, "correlationId"), text(64, a.fields, "correlationId"), e.CorrelationID)
	a.refused = a.refused || e.Code != "" || e.Description != "" && a.status != http.StatusOK
}

// remedy says what to do about a refusal.
func (i *identity) remedy(a *answer) string {
	switch {
	case a.status == http.StatusForbidden && i.host.Name == "IMDS":
		return i.host.Hint // Docker Desktop answers in its place
	case a.status == http.StatusUnauthorized && i.host.KeyDir != "":
		return azurehost.Remedy
	case a.status == http.StatusBadRequest:
		return "check that the identity is assigned to this machine or service, and that its id is right"
	}
	return ""
}

// checkEcho wants the answer to be about the identity that was asked for, where
// an old agent would answer with the one of the system instead.
func (i *identity) checkEcho(a *answer) error {
	if !i.host.Echoes {
		return nil
	}
	for name, want := range map[string]string{"client_id": i.options.ClientID, "object_id": i.options.ObjectID, "msi_res_id": i.options.ResourceID} {
		if want != "" && !strings.EqualFold(a.fields.text(name), want) {
			return errors.New("the host has not confirmed which identity the token is of: update the agent of " + i.host.Name)
		}
	}
	return nil
}

// dateForms are what App Service and Azure Machine Learning have written
// expires_on in, all of them in UTC where they do not say.
var dateForms = []string{
	time.RFC3339, time.DateTime, "2006-01-02 15:04:05 -07:00", "2006-01-02T15:04:05",
	"1/2/2006 15:04:05", "1/2/2006 15:04:05 -07:00", "1/2/2006 3:04:05 PM", "1/2/2006 3:04:05 PM -07:00",
}

// until reads an expiry: seconds since 1970, in a number or a string, or a date.
func until(raw json.RawMessage, asked time.Time) (time.Duration, error) {
	text := text(raw)
	if text == "" {
		return 0, errMissing
	}
	at, err := time.Time{}, error(nil)
	if n, bad := strconv.ParseInt(text, 10, 64); bad == nil {
		at = time.Unix(n, 0)
	} else {
		at, err = parseDate(text)
	}
	switch lifetime := at.Sub(asked.Round(0)); {
	case err != nil:
		return 0, err
	case lifetime <= 0:
		return 0, errors.New("is not in the future: check this machine's clock")
	case lifetime > maxLifetime:
		return 0, errors.New("is more than ten years away, which is not believed")
	default:
		return lifetime, nil
	}
}

func parseDate(text string) (time.Time, error) {
	for _, form := range dateForms {
		if at, err := time.Parse(form, text); err == nil {
			return at, nil
		}
	}
	return time.Time{}, fmt.Errorf("is neither a number of seconds nor a date")
}
