package mailtest

import (
	"encoding/base64"
	"net/url"
)

// Ids and secrets of nobody.
const (
	tenantID = "7f3c1e0a-5b1d-4c5e-9a36-2f4f0c1b7a11"
	clientID = "1c7a2b34-8a7e-4c0e-b5d5-6d0a5ad0c001"
	objectID = "9d0e4f52-3c1b-4f6a-8f0e-77a1c2d3e4f5"

	password     = "Summer2024!"
	clientSecret = "Zk~8Q~dEf_GhI.jKlMnOpQrStUvWxYz0123456"
	shortSecret  = "s3cr3tpart"
	refresh      = "0.AXoAx9-fQ2l0IEVudHJhIElE.AgABAwEAAADnfolhJpSnRYB1SVj-Hgd8AgDs_wUA9P-abcdefgh1234"
	personal     = "M.C513_BAY.0.U.-Cn7XqZ!pRsT*uVwXyZ0123456789!abcDEF$$"
	code         = "1.AXoAx9-fQ2l0IEVudHJhIElEAgABBAIAAAADnfolhJpSnRYB1SVjHgd8AgDs"
)

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

// Pasted is what people paste into a bug report, of one Kind, with the parts of
// its secrets that may not be seen again.
type Pasted struct {
	Kind, Text string
	Secrets    []string
}

// Secretive are texts with secrets in them.
var Secretive = []Pasted{
	{"SMTP, AUTH PLAIN, short", "C: AUTH PLAIN " + b64("\x00jane\x00"+password) + "\nS: 535 5.7.139 Authentication unsuccessful", []string{b64("\x00jane\x00" + password)}},
	{"SMTP, AUTH PLAIN alone", "C: AUTH PLAIN AGphbmUAU3VtbWVyMjAyNCE", []string{"AGphbmUAU3VtbWVy"}},
	{"SMTP, AUTH PLAIN, then the response", "C: AUTH PLAIN\nS: 334 \nC: AGphbmUAU3Vt\nS: 535 5.7.3 Authentication unsuccessful", []string{"AGphbmUAU3Vt"}},
	{"SMTP, AUTH LOGIN in steps", "C: AUTH LOGIN\nS: 334 VXNlcm5hbWU6\nC: amFuZQ==\nS: 334 UGFzc3dvcmQ6\nC: " + b64(password) + "\nS: 535 5.7.3 x", []string{"amFuZQ==", b64(password)}},
	{"SMTP, AUTH LOGIN typed", "AUTH LOGIN\n334 VXNlcm5hbWU6\namFuZQ==\n334 UGFzc3dvcmQ6\nU3VtbWVy\n535 5.7.3 Authentication unsuccessful", []string{"amFuZQ==", "U3VtbWVy"}},
	{"SMTP, AUTH LOGIN, the client's side alone", "C: AUTH LOGIN\nC: amFuZQ==\nC: U3VtbWVy\nC: QUIT", []string{"amFuZQ==", "U3VtbWVy"}},
	{"SMTP, AUTH XOAUTH2", "C: AUTH XOAUTH2 " + b64("user=jane\x01auth=Bearer abc\x01\x01") + "\nS: 535 5.7.3 Authentication unsuccessful", []string{b64("user=jane\x01auth=Bearer abc\x01\x01")}},
	{"SMTP, on one line", "S: 334 UGFzc3dvcmQ6 C: U3VtbWVy S: 535 5.7.3 Authentication unsuccessful", []string{"U3VtbWVy"}},
	{"PHPMailer", "2026-11-28 10:00:00 CLIENT -> SERVER: AUTH LOGIN\n2026-11-28 10:00:00 SERVER -> CLIENT: 334 VXNlcm5hbWU6\n2026-11-28 10:00:00 CLIENT -> SERVER: amFuZQ==\n2026-11-28 10:00:00 SERVER -> CLIENT: 334 UGFzc3dvcmQ6\n2026-11-28 10:00:00 CLIENT -> SERVER: U3VtbWVy\n2026-11-28 10:00:00 SERVER -> CLIENT: 535 5.7.3 Authentication unsuccessful", []string{"amFuZQ==", "U3VtbWVy"}},
	{"smtplib", `send: 'AUTH PLAIN AGphbmUAU3Vt\r\n'` + "\n" + `reply: b'535 5.7.139 Authentication unsuccessful, basic authentication is disabled.\r\n'`, []string{"AGphbmUAU3Vt"}},
	{"swaks", " -> AUTH LOGIN\n<-  334 VXNlcm5hbWU6\n -> amFuZQ==\n<-  334 UGFzc3dvcmQ6\n -> U3VtbWVy\n<** 535 5.7.3 Authentication unsuccessful", []string{"amFuZQ==", "U3VtbWVy"}},
	{"swaks, the command", "swaks --server smtp.office365.com:587 -au jane@contoso.com -ap " + password + " --auth-password=" + shortSecret, []string{password, shortSecret}},
	{"nodemailer", "[2026-11-28 10:00:00] DEBUG [Z1a] C: AUTH PLAIN AGphbmUAU3Vt\n[2026-11-28 10:00:00] DEBUG [Z1a] S: 535 5.7.3 Authentication unsuccessful", []string{"AGphbmUAU3Vt"}},
	{"JavaMail", "DEBUG SMTP: AUTH LOGIN failed\nA1 LOGIN jane@contoso.com " + password + "\nA1 NO LOGIN failed.\nmail.smtp.password=" + shortSecret, []string{password, shortSecret}},

	{"IMAP, LOGIN", "A1 LOGIN jane@contoso.com " + password + "\nA1 NO LOGIN failed.", []string{password}},
	{"IMAP, LOGIN quoted, with blanks", `C: A00000001 LOGIN "jane@contoso.com" "Summer of 2024 !"` + "\nS: A00000001 NO LOGIN failed.", []string{"Summer of", "2024 !"}},
	{"IMAP, LOGIN in lower case", "a login jane@contoso.com " + password + "\na NO LOGIN failed.", []string{password}},
	{"IMAP, LOGIN with literals", "C: A1 LOGIN {4}\nS: + Ready for additional command text.\nC: jane {11}\nS: + Ready for additional command text.\nC: " + password + "\nS: A1 NO LOGIN failed.", []string{password}},
	{"IMAP, LOGIN and its answer on one line", "A1 LOGIN jane " + password + " A1 NO LOGIN failed.", []string{password}},
	{"IMAP, AUTHENTICATE PLAIN", "C: A1 AUTHENTICATE PLAIN\nS: + \nC: AGphbmUAU3Vt\nS: A1 NO AUTHENTICATE failed.", []string{"AGphbmUAU3Vt"}},
	{"IMAP, AUTHENTICATE, initial response", "4 authenticate PLAIN AGphbmUAU3Vt\n4 NO AUTHENTICATE failed.", []string{"AGphbmUAU3Vt"}},
	{"imaplib", `  58:23.42 > b'JGDC1 LOGIN jane "` + password + `"\r\n'` + "\n  58:23.99 < b'JGDC1 NO LOGIN failed.\\r\\n'", []string{password}},
	{"imaplib, a traceback", `File "a.py", line 3` + "\n    m.login('jane@contoso.com', '" + password + "')\nimaplib.IMAP4.error: LOGIN failed.", []string{password}},
	{"fetchmail", "fetchmail: IMAP> A0002 LOGIN \"jane\" \"" + shortSecret + "\"\nfetchmail: IMAP< A0002 NO LOGIN failed.", []string{shortSecret}},
	{"mutt", "4> a0001 LOGIN \"jane\" \"" + shortSecret + "\"\n4< a0001 NO LOGIN failed.", []string{shortSecret}},
	{"curl -v", "> A001 AUTHENTICATE PLAIN AGphbmUAU3Vt\n< A001 NO AUTHENTICATE failed.", []string{"AGphbmUAU3Vt"}},
	{"POP, PASS", "C: PASS Secret1\nS: -ERR Logon failure: unknown user name or bad password.", []string{"Secret1"}},
	{"POP, PASS and its answer on one line", "C: PASS Secret1 -> -ERR Logon failure: unknown user name or bad password.", []string{"Secret1"}},
	{"POP, PASS with blanks", "PASS my Secret 1\n-ERR Logon failure: unknown user name or bad password.", []string{"Secret 1"}},
	{"a log in JSON", `{"msg":"A1 LOGIN jane ` + password + `\r\nA1 NO LOGIN failed."}`, []string{password}},
	{"an answer in the log of a proxy", "SMTP (127.0.0.1:53878) --> b'AUTH PLAIN AGphbmUAU3Vt\\r\\n'\nSMTP (127.0.0.1:53878)     <-- b'535 5.7.3 Authentication unsuccessful\\r\\n'", []string{"AGphbmUAU3Vt"}},

	{"curl, --user", "curl --url imaps://outlook.office365.com --user jane@contoso.com:" + password, []string{password}},
	{"curl, -u, quoted", "curl imaps://outlook.office365.com -u 'jane@contoso.com:blue moon'", []string{"blue moon"}},
	{"curl, a form", "curl -d 'client_id=" + clientID + "&client_secret=" + shortSecret + "&scope=x' https://login.microsoftonline.com/common/oauth2/v2.0/token", []string{shortSecret}},
	{"curl, a header", `curl -H "Authorization: Bearer ` + shortSecret + `" https://outlook.office365.com/`, []string{shortSecret}},
	{"curl, --oauth2-bearer", "curl --oauth2-bearer " + shortSecret + " imaps://outlook.office365.com", []string{shortSecret}},
	{"URL", "cannot connect to imaps://jane%40contoso.com:" + url.QueryEscape(password) + "@outlook.office365.com:993/INBOX", []string{url.QueryEscape(password)}},
	{"URL, not escaped", "smtp://jane@contoso.com:Pa/s#s@w0rd?@smtp.office365.com:587", []string{"Pa/s", "s@w0rd"}},
	{"URL, a token for a name", "https://" + shortSecret + "@github.com/contoso/mail", []string{shortSecret}},
	{"proxy", "HTTPS_PROXY=http://jane:" + shortSecret + "@proxy.contoso.com:8080", []string{shortSecret}},

	{"flag -p", "mailtool -h outlook.office365.com -p " + password + " -v", []string{password}},
	{"flag --password=", "imapsync --host1 outlook.office365.com --password1='" + password + "' --password2 " + shortSecret, []string{password, shortSecret}},
	{"PowerShell, a parameter", "Connect-Mail -ClientSecret " + shortSecret + " -Tenant contoso.com", []string{shortSecret}},
	{"PowerShell, a secure string", `$c = ConvertTo-SecureString "` + password + `" -AsPlainText -Force`, []string{password}},
	{"PowerShell, a secure string by a pipe", `"` + password + `" | ConvertTo-SecureString -AsPlainText -Force`, []string{password}},
	{"PowerShell, the environment", `$env:EXO_CLIENT_SECRET = "` + shortSecret + `"`, []string{shortSecret}},
	{"environment", "export EXO_CLIENT_SECRET=" + shortSecret + "\nAZURE_CLIENT_SECRET='" + password + "'", []string{shortSecret, password}},
	{"environment, systemd", `Environment="SMTP_PASS=blue moon"`, []string{"blue moon", "moon"}},
	{"environment, docker", `docker run -e EXO_CLIENT_SECRET=` + shortSecret + ` contoso/mail`, []string{shortSecret}},
	{"environment, from a program", `os.Setenv("EXO_CLIENT_SECRET", "` + shortSecret + `")`, []string{shortSecret}},

	{"form", "grant_type=refresh_token&refresh_token=" + refresh + "&client_secret=" + url.QueryEscape(clientSecret), []string{refresh[:40], refresh[40:], clientSecret[:20], clientSecret[20:]}},
	{"form, code_verifier", "code=" + code + "&code_verifier=" + shortSecret, []string{code[:30], code[30:], shortSecret}},
	{"form, device_code", "grant_type=device_code&device_code=" + shortSecret + "&client_id=" + clientID, []string{shortSecret}},
	{"form, escaped", "body=client_secret%3D" + shortSecret + "%26grant_type%3Dclient_credentials", []string{shortSecret}},
	{"form, pwd", "user=jane@contoso.com&pwd=" + shortSecret + "&pass=" + password, []string{shortSecret, password}},
	{"refresh token of a personal account", "refresh failed for " + personal + " AADSTS70000", []string{personal[:20], "!pRsT*", "abcDEF"}},
	{"access token anywhere", "the token eyJ0eXAiOiJKV1QiLCJhbGciOiJub25lIn0.eyJhdWQiOiJ4In0.c2ln was refused", []string{"eyJ0eXAi", "c2ln"}},
	{"client secret anywhere", "AADSTS7000215: Invalid client secret provided. " + clientSecret, []string{clientSecret[:20], clientSecret[20:]}},
	{"opaque token anywhere", "AUTHENTICATE failed. EwBAAl3BAAUFFpUAo7J3Ve0bjLBWZWCclRC3EoAA", []string{"EwBAAl3B", "lRC3EoAA"}},

	{"JSON", `{"client_id":"` + clientID + `","client_secret":"blue \"moon\"","refresh_token": "` + shortSecret + `"}`, []string{"blue", "moon", shortSecret}},
	{"JSON in JSON", `{"body":"{\"client_secret\":\"` + shortSecret + `\",\"scope\":\"x\"}"}`, []string{shortSecret}},
	{"JSON of pairs", `[{"name":"EXO_CLIENT_SECRET","value":"` + shortSecret + `"}]`, []string{shortSecret}},
	{"Python", `{'username': 'jane@contoso.com', 'password': '` + password + `', 'code_verifier': "` + shortSecret + `"}`, []string{password, shortSecret}},
	{"PHP", `'password' => '` + password + `', define('SMTP_PASS', '` + shortSecret + `');`, []string{password, shortSecret}},
	{"Go", `{Host:outlook.office365.com User:jane Password:` + password + ` ClientSecret:"` + shortSecret + `"}`, []string{password, shortSecret}},
	{"C#", `new NetworkCredential("jane@contoso.com", "` + password + `")`, []string{password}},
	{"YAML", "imap:\n  host: outlook.office365.com\n  password: blue moon # of jane\n  client-secret: " + shortSecret, []string{"blue", "moon", shortSecret}},
	{"INI", "[imap]\nuser = jane@contoso.com\npass = " + password, []string{password}},
	{"XML", `<user>jane@contoso.com</user><password>` + password + `</password><add key="SmtpPwd" value="` + shortSecret + `"/>`, []string{password, shortSecret}},
	{"connection string", "Server=smtp.office365.com;User Id=jane@contoso.com;Password=Pa;ss;Encrypt=true;SharedAccessKey=" + shortSecret, []string{"Pa;ss", shortSecret}},
	{"netrc", "machine outlook.office365.com login jane@contoso.com password " + password, []string{password}},
	{"msmtprc", "host smtp.office365.com\npassword " + password, []string{password}},

	{"header, Bearer", "Authorization: Bearer " + shortSecret, []string{shortSecret}},
	{"header, Basic", "> Authorization: Basic " + b64("jane:"+password), []string{b64("jane:" + password)}},
	{"header, Cookie", "Cookie: ESTSAUTH=" + shortSecret + "; buid=" + password, []string{shortSecret, password}},
	{"headers of Go", "map[Authorization:[Bearer " + shortSecret + "] X-Identity-Header:[" + password + "]]", []string{shortSecret, password}},
	{"WWW-Authenticate that echoes", `Bearer error="invalid_token", error_description="Bearer ` + shortSecret + `"`, []string{shortSecret}},
	{"MSAL for Python", `{"error": "invalid_grant", "client_info": "eyJ1aWQiOiIxIn0", "refresh_token": "` + refresh + `"}`, []string{"eyJ1aWQi", refresh[:40], refresh[40:]}},
	{"MSAL for JavaScript", "[Sat, 28 Nov 2026 10:00:00 GMT] : [" + clientID + "] : @azure/msal-node@2.16.2 : Trace - acquireTokenByCode called with code: " + code, []string{code[:30], code[30:]}},
	{"XOAUTH2, decoded", "user=jane@contoso.com\x01auth=Bearer sekrit\x01\x01 AUTHENTICATE failed.", []string{"sekrit"}},
	{"nodemailer, its settings", "nodemailer.createTransport({ auth: { user: 'jane@contoso.com', pass: 'ABCabc123+-=' } })", []string{"ABCabc", "123+-="}},
	{"Thunderbird", `SendData: 2 login "jane@contoso.com" "` + password + `"`, []string{password}},
	{"az", "az login --service-principal -u " + clientID + " -p " + shortSecret + " --tenant contoso.com", []string{shortSecret}},
	{"PKCS #8", "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7\n-----END PRIVATE KEY-----", []string{"MIIEvQIB", "AQC7"}},
	{"a secret of two lines", "password=\"" + shortSecret + "\nAUTHENTICATE failed.", []string{shortSecret}},
}

// Harmless are lines that an explanation needs whole.
var Harmless = []string{
	"AADSTS700016: Application with identifier '" + clientID + "' was not found in the directory 'contoso'. Trace ID: " + tenantID + " Correlation ID: " + objectID + " Timestamp: 2026-11-28 10:00:00Z",
	"AADSTS7000215: Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '" + clientID + "'.",
	"AADSTS700027: The certificate with identifier used to sign the client assertion is not registered on application. [Reason - The key was not found., Thumbprint of key used by client: '6B7ACC520305BFDB4F7252DAEB2177CC091FAAE1']",
	"AADSTS50126: Error validating credentials due to invalid username or password.",
	`{"error":"invalid_grant","error_codes":[70000],"trace_id":"` + tenantID + `","correlation_id":"` + objectID + `","error_uri":"https://login.microsoftonline.com/error?code=70000"}`,
	"grant_type=password&client_id=" + clientID + "&username=jane@contoso.com&scope=https%3A%2F%2Foutlook.office.com%2FIMAP.AccessAsUser.All",
	`{"grant_type":"password","client_id":"` + clientID + `","token_type":"Bearer","expires_in":3599}`,
	`{"token_endpoint_auth_methods_supported":["client_secret_post","private_key_jwt","client_secret_basic"]}`,
	"scope=https://outlook.office365.com/.default offline_access IMAP.AccessAsUser.All POP.AccessAsUser.All SMTP.Send",
	`Post "https://127.0.0.1:38291/` + tenantID + `/oauth2/v2.0/token": dial tcp 127.0.0.1:38291: connect: connection refused`,
	`Get "https://login.microsoftonline.com/` + tenantID + `/v2.0/.well-known/openid-configuration": EOF`,
	"https://login.microsoftonline.com:443/contoso.onmicrosoft.com/oauth2/v2.0/authorize?client_id=" + clientID + "&code_challenge_method=S256",
	"dial tcp [2603:1026:c0d:801::2]:993: i/o timeout",
	"write tcp 10.0.0.1:4711->52.98.1.1:587: use of closed network connection",
	"A01 NO AUTHENTICATE failed.",
	"A1 NO LOGIN failed. Account is blocked. Login to your account via a web browser to verify your identity.",
	"DEBUG SMTP: AUTH LOGIN failed",
	"DEBUG SMTP: AUTH XOAUTH2 command trace suppressed",
	"250-AUTH LOGIN XOAUTH2",
	"* CAPABILITY IMAP4 IMAP4rev1 AUTH=PLAIN AUTH=XOAUTH2 SASL-IR UIDPLUS MOVE ID UNSELECT CHILDREN IDLE NAMESPACE LITERAL+",
	"S: 334 UGFzc3dvcmQ6",
	"A3 SELECT INBOX",
	"C: A4 SELECT \"Sent Items\"",
	"535 5.7.3 Authentication unsuccessful [AM0PR0402CA0012.EURPRD04.PROD.OUTLOOK.COM 2026-11-28T18:54:30.055Z 08DD3DD7D75D7743]",
	"554 5.2.252 SendAsDenied; jane@contoso.com not allowed to send as invoices@contoso.com; STOREDRV.Submission.Exception:SendAsDeniedException.MapiExceptionSendAsDenied;",
	"430 4.2.0 STOREDRV; mailbox logon failure; STOREDRV.Submission.Exception:ConnectionFailedTransientException.MapiExceptionLogonFailed",
	"Message-ID: <DB9PR04MB8123A1B2C3D4E5F6A7B8C9D0E1F2A3B4@DB9PR04MB8123.eurprd04.prod.outlook.com>",
	"Request is throttled. Suggested Backoff Time: 299609 milliseconds",
	"-ERR Logon failure: unknown user name or bad password.",
	"{code: 'EAUTH', response: '535 5.7.139 Authentication unsuccessful', responseCode: 535, command: 'AUTH LOGIN'}",
	"wrong password: 535 5.7.3 Authentication unsuccessful",
	"javax.mail.AuthenticationFailedException: AUTHENTICATE failed.",
	"com.sun.mail.smtp.SMTPTransport$Authenticator.authenticate(SMTPTransport.java:965)",
	`File "/usr/lib/python3.11/site-packages/requests_oauthlib/oauth2_session.py", line 406, in fetch_token`,
	"ClientSecretCredential: AADSTS90002: Tenant 'contoso' not found.",
	"imapdial: invoices@contoso.com at outlook.office365.com:993: token: dial tcp: lookup login.microsoftonline.com: no such host",
	"New-ServicePrincipal -AppId " + clientID + " -ObjectId " + objectID,
	"ssh -p 2222 mail.contoso.com",
	`WWW-Authenticate: Bearer realm="", authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize"`,
	"the server offers AUTHENTICATE PLAIN and AUTHENTICATE XOAUTH2",
}
