// Package dial makes the attempts of imapdial, smtpdial and popdial to dial. An attempt
// makes a connection that lives no longer than its context, gets a token at the
// same time, and authenticates.
package dial

import (
	"context"
	"time"

	"golang.org/x/oauth2"
)

// steps are the steps of a login, which login puts in order.
type steps interface {
	// connect makes a connection that lives no longer than ctx. It returns the
	// error of Fail, which should include the refusal that made the connection
	// necessary, by [After]. Refusal is nil for the first connection.
	connect(ctx context.Context, refusal error) error
	// authenticate sends a token over the last connection.
	authenticate(token *oauth2.Token) error
	// took is told how long the source took for its token, zero if it gave none
	// in time.
	took(token time.Duration)
	// judge returns the server's answer in an error of authenticate.
	judge(err error) Answer
	// refused is called before a fresh token is sent.
	refused(ctx context.Context, refusal error)
	// close breaks the last connection.
	close()
	// Fail returns the error for a step. It must keep together what comes from
	// [After].
	Fail(ctx context.Context, op string, err error) error
}

// login gets a token and connects side by side, so that the caller waits for
// the longer of the two. If there is no token, that ends the connecting.
//
// Exchange refuses a stale token in the same words as anything else, so after a
// refusal login sends a fresh token, if src has one, over the same connection if
// that is still open.
//
// The work that is under way when login returns ends with ctx: the caller must
// cancel it.
func login(ctx context.Context, s steps, src oauth2.TokenSource, validFor time.Duration) error {
	connecting, stop := context.WithCancel(ctx)
	asked := askFor(connecting, src, validFor, stop)
	defer func() { s.took(asked.elapsed()) }()
	if err := s.connect(connecting, nil); err != nil {
		if failure := asked.failure(); failure != nil && ctx.Err() == nil {
			return s.Fail(ctx, OpToken, failure)
		}
		return err
	}
	token, err := asked.wait(ctx)
	if err != nil {
		s.close()
		return s.Fail(ctx, OpToken, err)
	}
	refusal := s.authenticate(token)
	if refusal == nil {
		return nil
	}
	var fresh *oauth2.Token
	if !asked.renewed && s.judge(refusal) == Renewable {
		if fresh, err = renew(ctx, src, validFor, token); err != nil {
			refusal = &Unrenewed{refusal, err}
		}
	}
	if fresh == nil {
		s.close()
		return s.Fail(ctx, OpAuthenticate, refusal)
	}
	s.refused(ctx, refusal)
	return again(ctx, s, fresh, refusal)
}

// again sends a fresh token, if need be over another connection, for servers
// that close theirs after a refusal.
func again(ctx context.Context, s steps, token *oauth2.Token, refusal error) error {
	err := s.authenticate(token)
	if err == nil {
		return nil
	}
	s.close()
	if s.judge(err) < Refused && ctx.Err() == nil {
		if err := s.connect(ctx, refusal); err != nil {
			return err
		}
		if err = s.authenticate(token); err == nil {
			return nil
		}
		s.close()
	}
	return s.Fail(ctx, OpAuthenticate, After(err, refusal))
}
