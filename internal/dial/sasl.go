package dial

import (
	"encoding/base64"
	"fmt"

	"github.com/emersion/go-sasl"

	"github.com/exoauth/exoauth/internal/wire"
)

// Reply is a server's reply in a SASL exchange.
type Reply struct {
	Goes      bool   // the server waits for a response
	Challenge string // in base64
	OK        bool   // the server has accepted
	Err       error  // the reply as an error, if it is not the one to hope for
}

// SASL runs an exchange for a token. Send sends the command that begins it, with
// the initial response in base64. Read reads the next reply.
func SASL(w *wire.Conn, client sasl.Client, token string, send func(mech, initial string) error, read func() (Reply, error)) error {
	mech, ir, err := client.Start()
	if err != nil {
		return err
	}
	initial := base64.StdEncoding.EncodeToString(ir)
	w.Mask(initial, token)
	if err := send(mech, initial); err != nil {
		return err
	}
	var refusal error // the meaning of a challenge
	for {
		r, err := read()
		switch {
		case err != nil:
			return join(err, refusal)
		case r.OK && refusal == nil:
			return nil
		case !r.Goes || refusal != nil:
			return join(r.Err, refusal)
		}
		if refusal, err = respond(w, client, r.Challenge); err != nil {
			return join(err, refusal)
		}
	}
}

// respond answers a challenge. Refusal is the meaning of the challenge; the
// server's own answer is then still to come.
func respond(w *wire.Conn, client sasl.Client, challenge string) (refusal, err error) {
	decoded, err := base64.StdEncoding.DecodeString(challenge)
	if err != nil {
		return nil, fmt.Errorf("%w: %.200q", wire.ErrNotBase64, w.Scrub(challenge))
	}
	response, refusal := client.Next(decoded)
	if refusal != nil && w.Pending() {
		// The server did not wait for the acknowledgement of its challenge,
		// and would take it for a command.
		return refusal, nil
	}
	return refusal, w.WriteLines(base64.StdEncoding.EncodeToString(response))
}

// join returns err together with the refusal of a challenge before it, if there
// was one.
func join(err, refusal error) error {
	if refusal == nil {
		return err
	}
	return fmt.Errorf("%w: %w", err, refusal)
}
