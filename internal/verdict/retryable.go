package verdict

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"

	"golang.org/x/oauth2"
)

// Retryable reports whether err is known to pass, so that the same call can
// succeed later: a failure of the network, a time limit, or an error whose
// method Retryable() bool or Temporary() bool returns true. A malformed address,
// a name that does not exist, a bad certificate, a TLS alert and a proxy's
// refusal have to be mended first. For an unknown error it reports false, which
// does not mean that the error is final.
func Retryable(err error) bool {
	if _, certificate := errors.AsType[*tls.CertificateVerificationError](err); certificate || errors.Is(err, context.Canceled) {
		return false
	}
	if ours, ok := errors.AsType[interface {
		error
		Retryable() bool
	}](err); ok && ours.Retryable() {
		return true
	}
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		return !dns.IsNotFound
	}
	if network, ok := errors.AsType[*net.OpError](err); ok {
		_, malformed := errors.AsType[*net.AddrError](err)
		alert := network.Op == "remote error" || network.Op == "local error" // as crypto/tls names them
		return !alert && !malformed
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return true
	}
	if token, ok := errors.AsType[*oauth2.RetrieveError](err); ok { // of a plain oauth2.Config
		return token.Response != nil && (token.Response.StatusCode >= 500 || token.Response.StatusCode == http.StatusTooManyRequests)
	}
	if other, ok := errors.AsType[interface {
		error
		Temporary() bool
	}](err); ok && other.Temporary() {
		return true
	}
	limit, ok := errors.AsType[net.Error](err)
	return ok && limit.Timeout()
}
