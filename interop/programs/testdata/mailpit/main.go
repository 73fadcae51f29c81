// Relays a message that Mailpit has received.
package main

import (
	"log"
	"os"

	"github.com/axllent/mailpit/config"
	"github.com/axllent/mailpit/internal/smtpd"
)

func main() {
	config.SMTPRelayConfigFile = os.Getenv("EXO_RELAY")
	if err := config.VerifyConfig(); err != nil {
		log.Fatal(err)
	}
	mailbox := os.Getenv("EXO_MAILBOX")
	message := "From: " + mailbox + "\r\nTo: " + mailbox + "\r\nSubject: Invoice 18\r\n\r\nPaid.\r\n"
	if err := smtpd.Relay(mailbox, []string{mailbox}, []byte(message)); err != nil {
		log.Fatal(err)
	}
}
