package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
)

// corpusTable is what the messages in mail/ must show, oldest first.
var corpusTable = []struct{ file, sender, subject string }{
	{"01-format-flowed", "Service Desk", "The invoices mailbox is open"},
	{"02-quoted-printable", "Billing, Example Paper Ltd.", "Invoice 2026-1041, due 19 November"},
	{"03-base64-body", "Kundeservice – Example Strøm", "Your electricity statement for September"},
	{"04-alternative-outlook", "Purchasing", "RE: Order 4500012 - wrong delivery address"},
	{"05-html-only", "Example Office Supplies", "Autumn sale: −15 % on toner 🍂"},
	{"06-mixed-pdf", "Accounts Receivable", "Invoice 88213"},
	{"07-csv-rfc2231", "Export", "Kontoauszüge Oktober"},
	{"08-related-inline-image", "Reception", "Parcel for Accounts Payable"},
	{"09-mailing-list", "Working Group Chair via einvoicing", "[einvoicing] Re: Draft minutes, and a vote"},
	{"10-bounce-exchange", "Microsoft Outlook", "Undeliverable: Payment advice 2026-0917"},
	{"11-calendar-invitation", "Finance Lead", "Month-end closing, November"},
	{"12-smime-signed", "Example Bank, Customer Letters", "Our account details have not changed"},
	{"13-forwarded-as-attachment", "Purchasing", "FW: Reminder"},
	{"14-no-subject", "Scanner 3rd floor", "(no subject)"},
	{"15-empty-subject", "Driver, Tour 12", "(no subject)"},
	{"16-no-from", "(no sender)", "nightly import: 0 errors, 2 warnings"},
	{"17-group-address", "Announcements", "New bank holidays in the portal"},
	{"18-several-authors", "Auditor", "Questions for the annual audit"},
	{"19-duplicated-headers", "Web Shop", "Your order 30078 has shipped"},
	{"20-utf8-q-folded", "Service des ventes – Société Exemple", "Facture n° 2026‑311 : régler avant le 30 novembre, s’il vous plaît – merci ☕"},
	{"21-very-long-subject", "Warehouse System", longSubject()},
	{"22-hostile-subject", "Director\ufffd]0;title\ufffdotoctnoc", "Urgent\ufffd[2J\ufffd[31m pay\ufffd now\ufffdtxt.exe FAKE LINE\ufffd31m $ rm invoices"},
	{"23-raw-utf8-headers", "Οικονομικό Τμήμα", "Τιμολόγιο 5521 – πληρωτέο έως 30 Νοεμβρίου"},
	{"24-raw-windows-1252-header", "Bureau de ventes", "Reçu – 49,90 € payés à l’hôtel"},
	{"25-windows-1252", "Orders “West”", "Order 88 – “rush” – is 5 % cheaper…"},
	{"26-koi8-r", "Бухгалтерия", "Счёт N 17 за ноябрь - напоминание"},
	{"27-iso-8859-15", "Büro Œuvre & Söhne", "Rechnung über 99,00 € (Žižkov)"},
	{"28-iso-2022-jp", "経理部", "請求書のご送付（１１月分）について"},
	{"29-gb18030", "财务部", "十一月份发票：请于月底前付款 (¥3,200) 𠮷"},
	{"30-utf8-b-folded", "Buchhaltung · Example Paper", "Zahlungsbestätigung für Rechnung 2026-1041 – vielen Dank, Ihr Team von Example Paper 📄✅"},
}

func longSubject() string {
	var items []string
	for i := range 70 {
		items = append(items, "PO-"+strconv.Itoa(4500100+i)+" (item "+strconv.Itoa(i%7+1)+")")
	}
	return "Items without a goods receipt: " + strings.Join(items, ", ")
}

func readCorpus(t *testing.T, name string) []byte {
	t.Helper()
	raw, err := mailFiles.ReadFile("mail/" + name + ".eml")
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func parseCorpus(t *testing.T, name string) *mail.Message {
	t.Helper()
	m, err := mail.ReadMessage(bytes.NewReader(readCorpus(t, name)))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return m
}

func TestCorpusIsTheTable(t *testing.T) {
	files, err := mailFiles.ReadDir("mail")
	if err != nil {
		t.Fatal(err)
	}
	var got, want []string
	for _, f := range files {
		got = append(got, f.Name())
	}
	for _, row := range corpusTable {
		want = append(want, row.file+".eml")
	}
	if g, w := strings.Join(got, "\n"), strings.Join(want, "\n"); g != w {
		t.Errorf("mail/ has\n%s\nwant\n%s", g, w)
	}
}

// TestCorpusHeaders reads the headers as a server sends them in an envelope:
// unfolded, but not decoded.
func TestCorpusHeaders(t *testing.T) {
	parser := mail.AddressParser{WordDecoder: wordDecoder}
	for _, row := range corpusTable {
		t.Run(row.file, func(t *testing.T) {
			h := parseCorpus(t, row.file).Header
			var env imap.Envelope
			var err error
			if env.Subject, err = wordDecoder.DecodeHeader(h.Get("Subject")); err != nil {
				t.Errorf("Subject: %v", err)
			}
			if from := h.Get("From"); from != "" {
				list, err := parser.ParseList(from)
				if err != nil {
					t.Fatalf("From: %v", err)
				}
				mailbox, host, _ := strings.Cut(list[0].Address, "@")
				env.From = []imap.Address{{Name: list[0].Name, Mailbox: mailbox, Host: host}}
			}
			if got := subject(&env); got != row.subject {
				t.Errorf("subject\n got %q\nwant %q", got, row.subject)
			}
			if got := sender(&env); got != row.sender {
				t.Errorf("sender\n got %q\nwant %q", got, row.sender)
			}
		})
	}
}

// TestCorpusDates makes sure that the newest ten are well defined.
func TestCorpusDates(t *testing.T) {
	var last time.Time
	for _, row := range corpusTable {
		date, err := parseCorpus(t, row.file).Header.Date()
		if err != nil {
			t.Errorf("%s: %v", row.file, err)
		}
		if !date.After(last) {
			t.Errorf("%s: %v is not after %v", row.file, date, last)
		}
		last = date
	}
}

func TestCorpusLines(t *testing.T) {
	for _, row := range corpusTable {
		raw := readCorpus(t, row.file)
		if !bytes.HasSuffix(raw, []byte("\r\n")) {
			t.Errorf("%s does not end in CRLF", row.file)
		}
		for i, line := range bytes.Split(bytes.TrimSuffix(raw, []byte("\r\n")), []byte("\r\n")) {
			if bytes.ContainsAny(line, "\r\n\x00") {
				t.Errorf("%s:%d: a bare CR, a bare LF or a NUL", row.file, i+1)
			}
			if len(line) > 998 { // RFC 5322, section 2.1.1
				t.Errorf("%s:%d: %d octets", row.file, i+1, len(line))
			}
		}
	}
}

var (
	address     = regexp.MustCompile(`[\w.+$=-]+@([\w-]+(?:\.[\w-]+)+)`)
	host        = regexp.MustCompile(`(?i)\b(?:[a-z0-9-]+\.)+(?:com|org|net|edu|gov|io|eu|de|fr|uk|cn|jp|ru)\b`)
	exampleHost = regexp.MustCompile(`(?i)^(?:[a-z0-9-]+\.)*(?:contoso\.com|example\.(?:com|org|net))$`)
)

// TestCorpusIsFictional looks for addresses and hosts in the files and in
// what is encoded in them.
func TestCorpusIsFictional(t *testing.T) {
	for _, row := range corpusTable {
		text := string(readCorpus(t, row.file))
		walk(t, parseCorpus(t, row.file), func(mediaType string, _ mail.Header, body []byte) {
			if strings.HasPrefix(mediaType, "text/") {
				text += "\n" + string(body)
			}
		})
		for _, m := range address.FindAllStringSubmatch(text, -1) {
			if !exampleHost.MatchString(m[1]) {
				t.Errorf("%s: address %q", row.file, m[0])
			}
		}
		for _, h := range host.FindAllString(text, -1) {
			if !exampleHost.MatchString(h) {
				t.Errorf("%s: host %q", row.file, h)
			}
		}
	}
}

// walk calls f for every part of m that is not a multipart, with the decoded
// body, and returns the structure of m: multipart/mixed(text/plain image/png).
func walk(t *testing.T, m *mail.Message, f func(mediaType string, h mail.Header, body []byte)) string {
	t.Helper()
	mediaType, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		mediaType = "text/plain"
	}
	if !strings.HasPrefix(mediaType, "multipart/") {
		body := decodeBody(t, m)
		f(mediaType, m.Header, body)
		if mediaType != "message/rfc822" {
			return mediaType
		}
		inner, err := mail.ReadMessage(bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		return mediaType + "(" + walk(t, inner, f) + ")"
	}
	var parts []string
	for r := multipart.NewReader(m.Body, params["boundary"]); ; {
		part, err := r.NextRawPart()
		if err == io.EOF {
			return mediaType + "(" + strings.Join(parts, " ") + ")"
		}
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, walk(t, &mail.Message{Header: mail.Header(part.Header), Body: part}, f))
	}
}

func decodeBody(t *testing.T, m *mail.Message) []byte {
	t.Helper()
	body := m.Body
	switch strings.ToLower(m.Header.Get("Content-Transfer-Encoding")) {
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	}
	b, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestCorpusStructure(t *testing.T) {
	for _, tt := range []struct{ file, want string }{
		{"03-base64-body", "text/plain"},
		{"04-alternative-outlook", "multipart/alternative(text/plain text/html)"},
		{"05-html-only", "text/html"},
		{"06-mixed-pdf", "multipart/mixed(text/plain application/pdf)"},
		{"07-csv-rfc2231", "multipart/mixed(text/plain text/csv)"},
		{"08-related-inline-image", "multipart/alternative(text/plain multipart/related(text/html image/png))"},
		{"10-bounce-exchange", "multipart/report(multipart/alternative(text/plain text/html) message/delivery-status message/rfc822(text/plain))"},
		{"11-calendar-invitation", "multipart/alternative(text/plain text/html text/calendar)"},
		{"12-smime-signed", "multipart/signed(text/plain application/pkcs7-signature)"},
		{"13-forwarded-as-attachment", "multipart/mixed(text/plain message/rfc822(multipart/mixed(text/plain message/rfc822(text/plain))))"},
		{"14-no-subject", "multipart/mixed(application/pdf)"},
	} {
		t.Run(tt.file, func(t *testing.T) {
			got := walk(t, parseCorpus(t, tt.file), func(string, mail.Header, []byte) {})
			if got != tt.want {
				t.Errorf("structure\n got %s\nwant %s", got, tt.want)
			}
		})
	}
}

// part returns the decoded body and the headers of the first part of that type.
func part(t *testing.T, file, mediaType string) (h mail.Header, body []byte) {
	t.Helper()
	walk(t, parseCorpus(t, file), func(mt string, mh mail.Header, b []byte) {
		if mt == mediaType && body == nil {
			h, body = mh, b
		}
	})
	if body == nil {
		t.Fatalf("%s has no %s", file, mediaType)
	}
	return h, body
}

func TestCorpusAttachmentName(t *testing.T) {
	h, _ := part(t, "07-csv-rfc2231", "text/csv")
	_, params, err := mime.ParseMediaType(h.Get("Content-Disposition"))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := params["filename"], "Kontoauszüge der Geschäftskonten für Oktober 2026 (vorläufig).csv"; got != want {
		t.Errorf("file name %q, want %q", got, want)
	}
}

func TestCorpusInvitation(t *testing.T) {
	h, body := part(t, "11-calendar-invitation", "text/calendar")
	_, params, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	if params["method"] != "REQUEST" || !strings.Contains(string(body), "\r\nMETHOD:REQUEST\r\n") {
		t.Errorf("not a request: method=%q\n%s", params["method"], body)
	}
}

// TestCorpusSignature fails when a line end in the signed part has changed on
// the way through a repository: the signature covers the digest of its bytes.
func TestCorpusSignature(t *testing.T) {
	const file = "12-smime-signed"
	_, signature := part(t, file, "application/pkcs7-signature")
	_, params, err := mime.ParseMediaType(parseCorpus(t, file).Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(string(readCorpus(t, file)), "\r\n--"+params["boundary"])
	if len(parts) != 4 {
		t.Fatalf("%d parts, want a preamble, the text, the signature and the end", len(parts))
	}
	digest := sha256.Sum256([]byte(strings.TrimPrefix(parts[1], "\r\n")))
	if !bytes.Contains(signature, digest[:]) {
		t.Errorf("the signature does not cover the signed part, whose digest is %x", digest)
	}
}
