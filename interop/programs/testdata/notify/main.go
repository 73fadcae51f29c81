// Sends a notification of nikoksr/notify.
package main

import (
	"context"
	"log"
	"os"

	"github.com/exoauth/exoauth/settings"
	"github.com/exoauth/exoauth/xoauth2"
	"github.com/nikoksr/notify/service/mail"
)

func main() {
	mailbox := os.Getenv("EXO_MAILBOX")
	service := mail.New(mailbox, os.Getenv("EXO_SMTP"))
	source, err := settings.FromEnv(os.Getenv).Source()
	if err != nil {
		log.Fatal(err)
	}
	service.AuthenticateBy(xoauth2.SMTPAuth(mailbox, source))
	service.AddReceivers(mailbox)
	if err := service.Send(context.Background(), "Invoice 18", "Paid."); err != nil {
		log.Fatal(err)
	}
}
