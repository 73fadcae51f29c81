package tokensource

import (
	"strings"
	"testing"

	"github.com/exoauth/exoauth"
)

const (
	imapScope = "https://outlook.office.com/IMAP.AccessAsUser.All"
	smtpScope = "https://outlook.office.com/SMTP.Send"
)

func TestUserScopes(t *testing.T) {
	tests := []struct {
		name, tenant string
		scopes       []string
		problem      string // in the error; "" where the scopes are sent
	}{
		{"default", testTenant, nil, ""},
		{"one permission", testTenant, []string{imapScope}, ""},
		{"those of the sign-in beside it", testTenant, []string{"openid", "profile", "email", "offline_access", smtpScope}, ""},
		{"the other name of the resource", testTenant, []string{"https://outlook.office365.com/IMAP.AccessAsUser.All"}, ""},
		{"all permissions", testTenant, []string{"https://outlook.office.com/.default", "offline_access"}, ""},
		{"resource by its id", testTenant, []string{"00000002-0000-0ff1-ce00-000000000000/.default"}, ""},
		{"consumers", "consumers", nil, ""},
		{"common", "common", nil, ""},
		{"organizations", "organizations", nil, ""},

		{"no resource", testTenant, []string{"IMAP.AccessAsUser.All"}, "does not name its resource"},
		{"nothing after the resource", testTenant, []string{"https://outlook.office.com/"}, "does not name its resource"},
		{"Graph", testTenant, []string{"https://graph.microsoft.com/IMAP.AccessAsUser.All"}, "Microsoft Graph"},
		{"two resources", testTenant, []string{imapScope, "https://mail.example.com/Read"}, "for one resource"},
		{"two names of the resource", testTenant, []string{imapScope, "https://outlook.office365.com/SMTP.Send"}, "for one resource"},
		{"Graph beside mail", testTenant, []string{imapScope, "https://graph.microsoft.com/User.Read"}, "Microsoft Graph"},
		{".default beside a permission", testTenant, []string{imapScope, "https://outlook.office.com/.default"}, "goes with no other"},
		{"only the sign-in", testTenant, []string{"openid", "offline_access"}, "about mail"},
		{"two in one string", testTenant, []string{imapScope + " " + smtpScope}, "white space"},
		{"resource of one character", testTenant, []string{"a/b"}, ""},
		{"nothing before the slash", testTenant, []string{"/IMAP.AccessAsUser.All"}, "does not name its resource"},
		{"empty", testTenant, []string{""}, "does not name its resource"},
		{"permission of the application", testTenant, []string{"https://outlook.office.com/IMAP.AccessAsApp"}, "ClientCredentials"},
		{"consumers with the business resource", "Consumers", []string{"https://outlook.office365.com/SMTP.Send"}, "outlook.com"},
		{"consumers by id", consumersID, []string{"https://outlook.office365.com/SMTP.Send"}, "outlook.com"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			config := Config{Tenant: test.tenant, ClientID: testClientID, Scopes: test.scopes}
			cl, err := config.userClient()
			if test.problem == "" {
				want := strings.Join(test.scopes, " ")
				if test.scopes == nil {
					want = imapScope + " " + smtpScope + " offline_access"
				}
				if err != nil || cl.scope != want {
					t.Errorf("%v, %+v; want %s", err, cl, want)
				}
				return
			}
			if err == nil || err.Field != "Scopes" || !strings.Contains(err.Remedy, imapScope) {
				t.Fatalf("error %+v", err)
			}
			wantError(t, err, test.problem)
		})
	}
}

func TestScopesOfEachCloud(t *testing.T) {
	for _, cloud := range exoauth.Clouds() {
		config := Config{Cloud: cloud, Tenant: testTenant, ClientID: testClientID, Credential: Secret("s")}
		app, err := config.appClient()
		if err != nil {
			t.Fatal(err)
		}
		user, err := config.userClient()
		if err != nil {
			t.Fatal(err)
		}
		if app.scope != cloud.Resource+"/.default" || !strings.HasPrefix(user.scope, cloud.UserResource+"/IMAP.") {
			t.Errorf("%s, %s", app.scope, user.scope)
		}
		if !strings.HasPrefix(app.endpoint("token"), cloud.Authority+"/"+testTenant+"/") {
			t.Errorf("token URL %s", app.endpoint("token"))
		}
	}
}

// The services that only send take the application's own tokens, for a resource
// of theirs.
func TestScopesOfServices(t *testing.T) {
	for want, cloud := range map[string]exoauth.Cloud{
		"https://outlook.office365.com/.default":   exoauth.HighVolumeEmail,
		"https://communication.azure.com/.default": exoauth.CommunicationServices,
	} {
		server := new(fakeEntra)
		config := server.config()
		config.Cloud = cloud
		if _, err := config.ClientCredentials().Token(); err != nil {
			t.Fatal(err)
		}
		if got := server.forms[0].Get("scope"); got != want {
			t.Errorf("%s: scope %q, want %q", cloud.SMTP, got, want)
		}
	}
}

// What to do is said for the cloud that is set, and is not what is wrong.
func TestGraphInEachCloud(t *testing.T) {
	for _, cloud := range append(exoauth.Clouds(), exoauth.Cloud{}) {
		config := Config{Cloud: cloud, Tenant: testTenant, ClientID: testClientID, Credential: Secret("s")}
		full := cloud.WithDefaults()
		config.Scopes = []string{"https://graph.microsoft.com/.default"}
		_, app := config.appClient()
		_, user := config.userClient()
		if !strings.Contains(app.Remedy, full.AppScope()) || !strings.Contains(user.Remedy, full.UserScope("SMTP.Send")) {
			t.Errorf("%v\n%v", app, user)
		}

		config.Scopes, config.Cloud.Resource, config.Cloud.UserResource = nil, "https://graph.microsoft.com", ""
		_, app = config.appClient()
		_, user = config.userClient()
		for field, err := range map[string]*ConfigError{"Cloud.Resource": app, "Cloud.UserResource": user} {
			if err == nil || err.Field != field || strings.Contains(err.Remedy, "graph") {
				t.Errorf("%s: error %v", field, err)
			}
		}
	}
}

func TestUserClientChecksItsCredential(t *testing.T) {
	config := Config{Tenant: testTenant, ClientID: testClientID, Credential: Secret("")}
	_, err := config.userClient()
	wantError(t, err, "Credential")
}
