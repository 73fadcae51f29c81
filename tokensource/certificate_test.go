package tokensource

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/exoauth/exoauth/internal/plain"
	"github.com/exoauth/exoauth/internal/verdict"
)

const testTokenURL = "https://login.microsoftonline.com/" + testTenant + "/oauth2/v2.0/token"

var (
	testKey  = sync.OnceValue(func() *rsa.PrivateKey { return must(rsa.GenerateKey(rand.Reader, 2048)) })
	otherKey = sync.OnceValue(func() *rsa.PrivateKey { return must(rsa.GenerateKey(rand.Reader, 2048)) })
	testCert = sync.OnceValue(func() *x509.Certificate {
		return newCert(testKey(), time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC))
	})
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func newCert(key crypto.Signer, from, until time.Time) *x509.Certificate {
	template := &x509.Certificate{SerialNumber: big.NewInt(0xabcd), Subject: pkix.Name{CommonName: "exoauth test"}, NotBefore: from, NotAfter: until}
	return must(x509.ParseCertificate(must(x509.CreateCertificate(rand.Reader, template, template, key.Public(), key))))
}

func testChain() []*x509.Certificate { return []*x509.Certificate{testCert()} }

// countingKey counts signatures, and signs as sign says where that is set.
type countingKey struct {
	crypto.Signer
	sign  func(digest []byte, opts crypto.SignerOpts) ([]byte, error)
	count int
}

func (k *countingKey) Sign(r io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	k.count++
	if k.sign != nil {
		return k.sign(digest, opts)
	}
	return k.Signer.Sign(r, digest, opts)
}

// certified returns the source of a server's client with this credential, and
// its log.
func certified(server *fakeEntra, c Credential) (*Source, *logBuffer) {
	log := new(logBuffer)
	config := server.config()
	config.Credential = c
	config.Logger = slog.New(slog.NewTextHandler(log, nil))
	return config.ClientCredentials(), log
}

func readAssertion(t *testing.T, form map[string][]string, options ...jwt.ParserOption) (*jwt.Token, jwt.MapClaims) {
	t.Helper()
	claims := jwt.MapClaims{}
	options = append(options, jwt.WithTimeFunc(time.Now), jwt.WithIssuedAt(), jwt.WithExpirationRequired(),
		jwt.WithAudience(testTokenURL), jwt.WithIssuer(testClientID), jwt.WithSubject(testClientID))
	token, err := jwt.NewParser(options...).ParseWithClaims(form["client_assertion"][0], claims,
		func(*jwt.Token) (any, error) { return testKey().Public(), nil })
	if err != nil {
		t.Fatalf("the assertion does not verify: %v", err)
	}
	return token, claims
}

func TestAssertionOfACertificate(t *testing.T) {
	sha256sum, sha1sum := sha256.Sum256(testCert().Raw), sha1.Sum(testCert().Raw)
	x5t256, x5t := base64.RawURLEncoding.EncodeToString(sha256sum[:]), base64.RawURLEncoding.EncodeToString(sha1sum[:])
	x5c := []any{base64.StdEncoding.EncodeToString(testCert().Raw)}
	tests := []struct {
		name    string
		options *CertificateOptions
		want    map[string]any // the header
	}{
		{"PS256", nil, map[string]any{"alg": "PS256", "typ": "JWT", "x5t#S256": x5t256}},
		{"RS256", &CertificateOptions{RS256: true}, map[string]any{"alg": "RS256", "typ": "JWT", "x5t": x5t}},
		{"chain", &CertificateOptions{SendChain: true}, map[string]any{"alg": "PS256", "typ": "JWT", "x5t#S256": x5t256, "x5c": x5c}},
		{"both", &CertificateOptions{RS256: true, SendChain: true}, map[string]any{"alg": "RS256", "typ": "JWT", "x5t": x5t, "x5c": x5c}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			server := new(fakeEntra)
			source, _ := certified(server, Certificate(testChain(), testKey(), test.options))
			want(t, source, 1)
			form := server.forms[0]
			if form.Get("client_assertion_type") != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" || form.Has("client_secret") {
				t.Errorf("form %v", form)
			}
			token, claims := readAssertion(t, form, jwt.WithValidMethods([]string{test.want["alg"].(string)}))
			if !reflect.DeepEqual(token.Header, test.want) {
				t.Errorf("header\n got %v\nwant %v", token.Header, test.want)
			}
			if life := claims["exp"].(float64) - claims["nbf"].(float64); life != 600 || !plain.IsGUID(claims["jti"].(string)) {
				t.Errorf("claims %v", claims)
			}
		})
	}
}

// Tokens of a minute make for a request every 45 seconds, and for one
// signature in nine minutes. No assertion is sent past its end.
func TestAssertionIsReused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &fakeEntra{answer: func(n int, _ *http.Request) (*http.Response, error) { return ok(n, 60), nil }}
		key := &countingKey{Signer: testKey()}
		source, _ := certified(server, Certificate(testChain(), key, nil))
		for n := range 4 * 12 {
			want(t, source, n+1)
			_, claims := readAssertion(t, server.forms[n])
			if left := claims["exp"].(float64) - float64(time.Now().Unix()); left < time.Minute.Seconds() {
				t.Errorf("request %d: the assertion ends in %v s", n+1, left)
			}
			pass(45 * time.Second)
		}
		if key.count != 4 {
			t.Errorf("%d signatures in 36 minutes; want 4", key.count)
		}
	})
}

func outside(timestamp time.Time) func(int, *http.Request) (*http.Response, error) {
	stamp := ""
	if !timestamp.IsZero() {
		stamp = `,"timestamp":"` + timestamp.UTC().Format("2006-01-02 15:04:05Z") + `"`
	}
	return answering(401, `{"error":"invalid_client","error_codes":[700024]`+stamp+`}`)
}

func TestClockThatIsWrong(t *testing.T) {
	tests := []struct {
		name     string
		skew     time.Duration
		requests int
	}{
		{"slow", time.Hour, 2},
		{"fast", -time.Hour, 2},
		{"right after all", 29 * time.Second, 1},
		{"more than is made up for", 25 * time.Hour, 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := &fakeEntra{answer: sequence(outside(time.Now().Add(test.skew)))}
				source, log := certified(server, Certificate(testChain(), testKey(), nil))
				_, err := source.TokenContext(t.Context())
				wantRequests(t, server, test.requests)
				if test.requests == 1 {
					wantError(t, err, "check this machine's clock")
					return
				}
				wantError(t, err, "")
				if !strings.Contains(log.String(), "clock differs") {
					t.Errorf("log %s", log)
				}
				_, claims := readAssertion(t, server.forms[1], jwt.WithTimeFunc(nil), jwt.WithLeeway(2*time.Hour))
				if got := int64(claims["nbf"].(float64)) - time.Now().Unix(); got != int64(test.skew.Seconds()) {
					t.Errorf("nbf is %d s from now; want %v", got, test.skew)
				}
			})
		})
	}
}

func TestClockIsCorrectedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &fakeEntra{answer: outside(time.Now().Add(time.Hour))}
		source, _ := certified(server, Certificate(testChain(), testKey(), nil))
		_, err := source.TokenContext(t.Context())
		wantError(t, err, "AADSTS700024")
		wantRequests(t, server, 2)
		server = &fakeEntra{answer: outside(time.Time{})}
		source, _ = certified(server, Certificate(testChain(), testKey(), nil))
		source.TokenContext(t.Context())
		wantRequests(t, server, 1)
	})
}

func TestRefusedAssertionIsNotSentAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &fakeEntra{answer: sequence(answering(401, `{"error":"invalid_client","error_codes":[700027]}`))}
		source, _ := certified(server, Certificate(testChain(), testKey(), nil))
		_, err := source.TokenContext(t.Context())
		wantError(t, err, "upload the certificate")
		pass(10 * time.Second)
		want(t, source, 2)
		if server.forms[0].Get("client_assertion") == server.forms[1].Get("client_assertion") {
			t.Error("the same assertion again")
		}
	})
}

func TestDatesOfACertificate(t *testing.T) {
	day := 24 * time.Hour
	tests := []struct {
		name        string
		from, until time.Duration
		err         string
		warnings    int // in three days
	}{
		{"far from its end", -day, 40 * day, "", 0},
		{"near its end", -day, 30*day - time.Second, "", 3},
		{"over", -2 * day, -time.Second, "has expired on 1999-12-31", 0},
		{"not begun", time.Hour, day, "not valid before", 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				now := time.Now()
				server := &fakeEntra{answer: func(n int, _ *http.Request) (*http.Response, error) { return ok(n, 3600), nil }}
				cert := newCert(testKey(), now.Add(test.from), now.Add(test.until))
				source, log := certified(server, Certificate([]*x509.Certificate{cert}, testKey(), nil))
				for range 3*24 - 1 {
					_, err := source.TokenContext(t.Context())
					wantError(t, err, test.err)
					if test.err != "" {
						bad, ok := errors.AsType[*ConfigError](err)
						if !ok || bad.Remedy == "" || verdict.Retryable(err) || !strings.Contains(bad.Value, "exoauth test, serial abcd") {
							t.Errorf("error %#v", bad)
						}
						wantRequests(t, server, 0)
						return
					}
					pass(time.Hour)
				}
				if n := strings.Count(log.String(), "expires soon"); n != test.warnings {
					t.Errorf("%d warnings; want %d", n, test.warnings)
				}
			})
		})
	}
}

// It costs no request to find out.
func TestExpiredCertificateBeforeANewOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Now()
		old := newCert(testKey(), now.Add(-time.Hour), now.Add(-time.Minute))
		server := new(fakeEntra)
		source, log := certified(server, InOrder(Certificate([]*x509.Certificate{old}, testKey(), nil), Certificate(testChain(), testKey(), nil)))
		want(t, source, 1)
		if !strings.Contains(log.String(), "has expired on") {
			t.Errorf("log %s", log)
		}
	})
}

func TestKeyThatDoesNotSign(t *testing.T) {
	pkcs1 := func(digest []byte, _ crypto.SignerOpts) ([]byte, error) {
		return rsa.SignPKCS1v15(nil, testKey(), crypto.SHA256, digest)
	}
	tests := []struct {
		name    string
		sign    func([]byte, crypto.SignerOpts) ([]byte, error)
		options *CertificateOptions
		err     string
		passes  bool
	}{
		{"passes over PSS", pkcs1, nil, "option RS256", false},
		{"passes over PSS, which is not asked for", pkcs1, &CertificateOptions{RS256: true}, "", false},
		{"fails", func([]byte, crypto.SignerOpts) ([]byte, error) { return nil, errors.New("the token was pulled") }, nil, "token was pulled", false},
		{"fails for now", func([]byte, crypto.SignerOpts) ([]byte, error) { return nil, passingError{errors.New("busy")} }, nil, "busy", true},
		{"nothing", func([]byte, crypto.SignerOpts) ([]byte, error) { return nil, nil }, nil, "not what it was asked for", false},
	}
	for _, test := range tests {
		synctest.Test(t, func(t *testing.T) {
			server := new(fakeEntra)
			source, _ := certified(server, Certificate(testChain(), &countingKey{Signer: testKey(), sign: test.sign}, test.options))
			_, err := source.TokenContext(t.Context())
			wantError(t, err, test.err)
			if verdict.Retryable(err) != test.passes {
				t.Errorf("%s: Retryable() is %v", test.name, !test.passes)
			}
		})
	}
}

func TestCertificateIsChecked(t *testing.T) {
	ec := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	ecCert := newCert(ec, time.Now(), time.Now().Add(time.Hour))
	tests := []struct {
		name       string
		credential Credential
		text       string
	}{
		{"no chain", Certificate(nil, testKey(), nil), "without a certificate"},
		{"nil in the chain", Certificate([]*x509.Certificate{testCert(), nil}, testKey(), nil), "without a certificate"},
		{"no key", Certificate(testChain(), nil, nil), "without a private key"},
		{"another key", Certificate(testChain(), otherKey(), nil), "belongs to another certificate"},
		{"elliptic curve", Certificate([]*x509.Certificate{ecCert}, ec, nil), "ecdsa.PublicKey"},
		{"zero", certificate{}, "zero certificate"},
	}
	for _, test := range tests {
		server := new(fakeEntra)
		source, _ := certified(server, test.credential)
		_, err := source.TokenContext(t.Context())
		wantError(t, err, test.text)
		if bad, ok := errors.AsType[*ConfigError](err); !ok || bad.Field != "Credential" || bad.Remedy == "" {
			t.Errorf("%s: error %#v", test.name, err)
		}
		wantRequests(t, server, 0)
	}
}

func TestOneCertificateForManyTenants(t *testing.T) {
	c := Certificate(testChain(), testKey(), nil)
	var wg sync.WaitGroup
	for n := range 8 {
		server := new(fakeEntra)
		config := server.config()
		config.Tenant, config.Credential = fmt.Sprintf("tenant%d.example.com", n), c
		wg.Go(func() {
			if _, err := config.ClientCredentials().TokenContext(t.Context()); err != nil {
				t.Error(err)
			}
			claims := jwt.MapClaims{}
			_, _, err := jwt.NewParser().ParseUnverified(server.forms[0].Get("client_assertion"), claims)
			if aud, _ := claims["aud"].(string); err != nil || !strings.Contains(aud, "/"+config.Tenant+"/") {
				t.Errorf("%v, %v", claims, err)
			}
		})
	}
	wg.Wait()
}

// The parts of a key, in the ways in which fmt shows numbers.
func keyText(k *rsa.PrivateKey) []string {
	var parts []string
	for _, n := range append(k.Primes, k.D) {
		parts = append(parts, n.String()[:40], fmt.Sprintf("%x", n)[:40], fmt.Sprintf("%X", n)[:40], strings.Trim(fmt.Sprint(n.Bytes()[:8]), "[]"))
	}
	return parts
}

func TestKeyIsNotFormatted(t *testing.T) {
	server := &fakeEntra{answer: sequence(answering(400, "x"))}
	c := Certificate(testChain(), testKey(), nil)
	config := server.config()
	config.Credential = InOrder(c, Assertion(nil))
	cl := config.newClient(config.Cloud, "")
	source, log := certified(server, c)
	_, err := source.TokenContext(t.Context())
	form := server.forms[0]
	assertion := form.Get("client_assertion")
	for _, value := range []any{c, config, *config, cl, source, err, struct{ C Credential }{c}, struct{ c Credential }{c}, log.String()} {
		for _, verb := range verbs {
			text := fmt.Sprintf(verb, value)
			for _, part := range append(keyText(testKey()), assertion) {
				if strings.Contains(text, part) {
					t.Fatalf("%T with %s shows the key or the assertion: %s", value, verb, text)
				}
			}
		}
	}
	if got := fmt.Sprintf("%+v %#v", c, c); got != redactedCertificate+" "+redactedCertificate {
		t.Error(got)
	}
}

func TestEchoedAssertionIsNotInErrors(t *testing.T) {
	server := &fakeEntra{answer: func(n int, r *http.Request) (*http.Response, error) { return response(400, "?"), nil }}
	server.answer = func(n int, _ *http.Request) (*http.Response, error) {
		return response(400, `{"error":"e","error_description":"bad assertion `+server.forms[n-1].Get("client_assertion")+`"}`), nil
	}
	source, log := certified(server, Certificate(testChain(), testKey(), nil))
	_, err := source.TokenContext(t.Context())
	for _, part := range strings.Split(server.forms[0].Get("client_assertion"), ".") {
		if strings.Contains(fmt.Sprintf("%+v", err)+log.String(), part) {
			t.Errorf("the assertion is in %v", err)
		}
	}
}
