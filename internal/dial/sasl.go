package dial

import (
	"encoding/base64"
	"fmt"

	"github.com/emersion/go-sasl"

	"github.com/exoauth/exoauth/internal/wire"
)

// Answer responds to a challenge, which is base64. The refusal it returns is
// what the challenge meant to client; the server's own answer is then still
// to come.
func Answer(w *wire.Conn, client sasl.Client, challenge string) (refusal, err error) {
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

// Join returns err together with the refusal of a challenge before it, if
// there was one.
func Join(err, refusal error) error {
	if refusal == nil {
		return err
	}
	return fmt.Errorf("%w: %w", err, refusal)
}
