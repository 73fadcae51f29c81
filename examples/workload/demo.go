package main

import (
	"os"

	"github.com/exoauth/exoauth/exchangetest"
)

// A demo is an Exchange Online with a mailbox, and the environment of a pod
// whose service account may open it.
type demo struct {
	server  *exchangetest.Server
	mailbox string
	file    string // with the token of the service account
}

const serviceAccount = "system:serviceaccount:mail:reader"

func startDemo() *demo {
	server := exchangetest.NewServer()
	contoso, cluster := server.Tenant(), server.AddIssuer("cluster")
	app := contoso.AddApp("Invoices", exchangetest.IMAPAccessAsApp)
	app.AddFederatedCredential(cluster.URL, serviceAccount, "")
	box := contoso.AddMailbox("invoices@contoso.com")
	box.Append("INBOX", []byte("From: accounts@example.com\r\nSubject: Invoice 4711\r\n\r\nAttached.\r\n"))
	contoso.Grant(app, box.Address)

	f, err := os.CreateTemp("", "token-*")
	check(err)
	defer f.Close()
	_, err = f.WriteString(cluster.Token(serviceAccount, "", 0))
	check(err)
	for name, value := range map[string]string{
		"AZURE_TENANT_ID": contoso.ID, "AZURE_CLIENT_ID": app.ClientID,
		"AZURE_FEDERATED_TOKEN_FILE": f.Name(), "AZURE_AUTHORITY_HOST": server.Cloud().Authority,
	} {
		check(os.Setenv(name, value))
	}
	return &demo{server, box.Address, f.Name()}
}

func (d *demo) close() {
	d.server.Close()
	os.Remove(d.file)
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
