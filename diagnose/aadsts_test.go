package diagnose_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/exoauth/exoauth/diagnose"
)

// aadstsRows are the codes that mail meets, grouped as the table of the public
// reference groups them, with a word that the cause or the remedy must have.
var aadstsRows = []struct {
	codes string
	who   diagnose.Role
	word  string
}{
	{"16000 50020", diagnose.User, "tenant"},
	{"28002 28003 70011", diagnose.Developer, "scope"},
	{"50011 500113 900971", diagnose.Developer, "redirect"},
	{"50012 50027 700027 700030 50048 7000274", diagnose.Developer, "certificate"},
	{"1000502 7000214 7000277", diagnose.Developer, "new one"},
	{"50013 500131 500133", diagnose.Developer, "passed on"},
	{"500011", diagnose.Developer, "resource"},
	{"50034", diagnose.User, "no such user"},
	{"50049", diagnose.Developer, "host"},
	{"50053", diagnose.User, "locked"},
	{"50055 50056 50135 50144", diagnose.User, "password"},
	{"50057", diagnose.EntraAdmin, "disabled"},
	{"50058 50085 50089 50132 50133 50140 50199", diagnose.User, "sign in"},
	{"50059 50128 90019", diagnose.Developer, "tenant"},
	{"50072 50079 50074 50076 50078 53004 53010", diagnose.User, "mfa"},
	{"50097 50131 53000 53001 530003 135011", diagnose.User, "device"},
	{"50105", diagnose.EntraAdmin, "assign"},
	{"50126", diagnose.User, "wrong"},
	{"50147 501491 501481 50148 50149", diagnose.Developer, "pkce"},
	{"50158", diagnose.User, "second factor"},
	{"50173", diagnose.User, "revoked"},
	{"50194", diagnose.Developer, "common"},
	{"50196", diagnose.Developer, "loop"},
	{"5000224", diagnose.EntraAdmin, "tenant"},
	{"53002 53003 530032 53009", diagnose.EntraAdmin, "conditional access"},
	{"530034 53011", diagnose.EntraAdmin, "risk"},
	{"530035", diagnose.EntraAdmin, "security defaults"},
	{"54005", diagnose.Developer, "redeemed"},
	{"65001", diagnose.EntraAdmin, "consent"},
	{"65002", diagnose.Developer, "client id"},
	{"65004", diagnose.User, "declined"},
	{"650052", diagnose.EntraAdmin, "subscription"},
	{"650057", diagnose.Developer, "resource"},
	{"650053", diagnose.Developer, "permission"},
	{"65005 65006", diagnose.Developer, "permissions"},
	{"650056 1003031", diagnose.Developer, "permissions"},
	{"650059", diagnose.Developer, "tenant"},
	{"70000", diagnose.User, "resource"},
	{"70001 7000112", diagnose.EntraAdmin, "disabled"},
	{"70002 7000215", diagnose.Developer, "secret"},
	{"70003 70007", diagnose.Developer, "grant type"},
	{"70008 700081 700082 700084 70043", diagnose.User, "expired"},
	{"70012", diagnose.Nobody, "again"},
	{"70016", diagnose.Nobody, "polling"},
	{"70018 70019 70020", diagnose.User, "code"},
	{"70021 700213 7002131 7002137 7002138 700211 700212 700222", diagnose.Developer, "federated"},
	{"700005", diagnose.Developer, "endpoint"},
	{"700011 700016 90112", diagnose.Developer, "client id"},
	{"7000229 90099", diagnose.EntraAdmin, "service principal"},
	{"500014", diagnose.EntraAdmin, "licence"},
	{"80007 80014", diagnose.EntraAdmin, "authentication agents"},
	{"399284", diagnose.EntraAdmin, "issuer"},
	{"700022 700023 28000", diagnose.Developer, "one resource"},
	{"700024", diagnose.Developer, "clock"},
	{"700025", diagnose.Developer, "public client"},
	{"7000114", diagnose.Developer, "on behalf"},
	{"7000216 7000218", diagnose.Developer, "neither a secret"},
	{"7000222", diagnose.Developer, "expired"},
	{"90002 900023", diagnose.Developer, "tenant"},
	{"90006 90024 90033 90090 90012 50033 50087 80002 90055", diagnose.Nobody, "again"},
	{"90013 90023 901002 9002313 90014 900144 900561", diagnose.Developer, "request"},
	{"90072", diagnose.EntraAdmin, "guest"},
	{"90094 90095", diagnose.EntraAdmin, "consent"},
	{"900382 900432 90038 900439", diagnose.Developer, "cloud"},
	{"9001023", diagnose.Developer, "tenant"},
	{"9002325 9002326 9002327", diagnose.Developer, "single-page"},
	{"9002332", diagnose.Developer, "consumers"},
	{"1002012", diagnose.Developer, "/.default"},
	{"100007", diagnose.Developer, "region"},
}

func TestAADSTS(t *testing.T) {
	codes, right := 0, 0
	for _, r := range aadstsRows {
		for code := range strings.FieldsSeq(r.codes) {
			codes++
			ok := t.Run(code, func(t *testing.T) {
				findings := diagnose.ExplainLine(fmt.Sprintf("AADSTS%s: words of the server. Trace ID: 1", code), diagnose.Subject{})
				if len(findings) == 0 {
					t.Fatal("no finding")
				}
				f := findings[0]
				checkFinding(t, f)
				if text := strings.ToLower(f.Cause + f.Remedy); f.Who != r.who || !strings.Contains(text, r.word) {
					t.Errorf("%s, want the %s and %q in it", f, r.who, r.word)
				}
				if strings.Contains(f.Evidence, "Trace ID") {
					t.Errorf("evidence %q", f.Evidence)
				}
			})
			if ok {
				right++
			}
		}
	}
	t.Logf("the right cause first: %d of %d codes, in %d rows", right, codes, len(aadstsRows))
}

func TestAADSTSUnknown(t *testing.T) {
	findings := diagnose.ExplainLine("AADSTS99999999: new words", diagnose.Subject{})
	if len(findings) != 1 || findings[0].Rule != "entra-refused" || findings[0].Confidence != diagnose.Possible {
		t.Errorf("findings %v", findings)
	}
	checkFinding(t, findings[0])
}

// 700023 is said of scopes without a resource, and of an assertion for another
// audience.
func TestAudienceOfAnAssertion(t *testing.T) {
	for line, want := range map[string]string{
		"AADSTS700023: The request has no resource":                                 "two-resources",
		"AADSTS700023: Client assertion audience claim does not match Realm issuer": "assertion",
	} {
		if findings := diagnose.ExplainLine(line, diagnose.Subject{}); len(findings) == 0 || findings[0].Rule != want {
			t.Errorf("%s: %v, want %s", line, names(findings), want)
		}
	}
}

// 700016 has two causes. A domain of the mailbox tells which is likelier.
func TestUnknownApplication(t *testing.T) {
	line := "AADSTS700016: Application with identifier was not found"
	for tenant, want := range map[string]string{"fabrikam.com": "unknown-application", "contoso.com": "wrong-client-id"} {
		findings := diagnose.ExplainLine(line, diagnose.Subject{Username: mailbox, Tenant: tenant})
		if len(findings) == 0 || findings[0].Rule != want {
			t.Errorf("tenant %s: %v, want %s first", tenant, names(findings), want)
		}
	}
}
