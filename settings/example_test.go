package settings_test

import (
	"encoding/json"
	"fmt"
	"log"

	"github.com/exoauth/exoauth/settings"
)

// The account is a part of the program's own settings.
func Example() {
	const file = `{
		"mailbox": "invoices@contoso.com",
		"account": {
			"tenant": "contoso.onmicrosoft.com",
			"client_id": "11111111-2222-3333-4444-555555555555",
			"client_secret": "abc8Q~xyz"
		}
	}`
	var c struct {
		Mailbox string
		Account settings.Settings
	}
	if err := json.Unmarshal([]byte(file), &c); err != nil {
		log.Fatal(err)
	}
	source, err := c.Account.Source()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(source)
	fmt.Println(c.Account)
	// Output:
	// tokensource.Source(application 11111111-2222-3333-4444-555555555555 of tenant contoso.onmicrosoft.com)
	// settings.Settings{tenant: "contoso.onmicrosoft.com", client_id: "11111111-2222-3333-4444-555555555555", client_secret: "(hidden)"}
}

// An error names the setting as the user wrote it.
func ExampleSettings_Source() {
	s := settings.Settings{
		Tenant:          "contoso.onmicrosoft.com",
		ClientID:        "11111111-2222-3333-4444-555555555555",
		ClientSecret:    "abc8Q~xyz",
		CertificateFile: "/run/secrets/mail.pem",
	}
	_, err := s.Source()
	fmt.Println(err)
	// Output: tokensource: the setting certificate_file: set together with client_secret; remove one of them
}

// In a pod of AKS the webhook sets these variables.
func ExampleFromEnv() {
	env := map[string]string{
		"AZURE_TENANT_ID":            "contoso.onmicrosoft.com",
		"AZURE_CLIENT_ID":            "11111111-2222-3333-4444-555555555555",
		"AZURE_FEDERATED_TOKEN_FILE": "/var/run/secrets/azure/tokens/azure-identity-token",
	}
	s := settings.FromEnv(func(name string) string { return env[name] }) // os.Getenv in a program
	source, err := s.Source()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(source)
	// Output: tokensource.Source(application 11111111-2222-3333-4444-555555555555 of tenant contoso.onmicrosoft.com)
}

// A program to which users sign in uses the Config, for any flow.
func ExampleSettings_Config() {
	s := settings.Settings{Tenant: "organizations", ClientID: "11111111-2222-3333-4444-555555555555", Cloud: "gcchigh"}
	cfg, err := s.Config()
	if err != nil {
		log.Fatal(err)
	}
	source := cfg.DeviceCode(nil)
	fmt.Println(source, "at", cfg.Cloud.Authority)
	// Output: tokensource.Source(application 11111111-2222-3333-4444-555555555555 of tenant organizations) at https://login.microsoftonline.us
}

// The dialers need the addresses of the servers, and the authorities to trust.
func ExampleSettings_Servers() {
	s := settings.Settings{Cloud: "china", SMTP: "relay.example.com:587"}
	cloud, trust := s.Servers()
	// imapdial.Dialer{TokenSource: source, Addr: cloud.IMAP, TLSConfig: trust}
	fmt.Println(cloud.IMAP, cloud.SMTP, trust == nil)
	// Output: partner.outlook.cn:993 relay.example.com:587 true
}
