package main

import (
	"embed"

	"github.com/exoauth/exoauth/exchangetest"
	"github.com/exoauth/exoauth/settings"
)

// mailFiles holds the messages of the demo, named so that they sort by age.
//
//go:embed mail/*.eml
var mailFiles embed.FS

// startDemo starts an Exchange Online with a shared mailbox that is full of
// mail and an application that may open it, and puts into s what it takes to
// get there.
func startDemo(s *options) *exchangetest.Server {
	server := exchangetest.NewServer()
	contoso := server.Tenant()
	app := contoso.AddApp("Invoices", exchangetest.IMAPAccessAsApp, exchangetest.SMTPSendAsApp)
	mailbox := contoso.AddMailbox("invoices@contoso.com")
	contoso.Grant(app, mailbox.Address)
	fill(mailbox)

	s.address = mailbox.Address
	s.send = true // it stays on this machine
	s.account = settings.Settings{
		Tenant: contoso.ID, ClientID: app.ClientID, ClientSecret: app.Secret, Custom: server.Cloud(), RootCAs: server.TLSConfig().RootCAs,
	}
	if err := s.validate(); err != nil {
		panic(err) // they are complete
	}
	return server
}

func fill(mailbox *exchangetest.Mailbox) {
	files, err := mailFiles.ReadDir("mail")
	if err != nil {
		panic(err) // the files are in the program
	}
	for _, f := range files {
		message, err := mailFiles.ReadFile("mail/" + f.Name())
		if err != nil {
			panic(err)
		}
		mailbox.Append("INBOX", message)
	}
}
