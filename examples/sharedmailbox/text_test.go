package main

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/emersion/go-imap/v2"
)

func TestPrintable(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"empty", "", ""},
		{"ASCII", "Invoice 88213", "Invoice 88213"},
		{"UTF-8", "Τιμολόγιο 請求書 📄", "Τιμολόγιο 請求書 📄"},
		{"Windows-1252 bytes", "Re\xe7u \x96 49,90 \x80", "Reçu – 49,90 €"},
		{"UTF-8 and one Windows-1252 byte", "é\xe9", "éé"},
		{"byte undefined in Windows-1252", "a\x81b", "a\ufffdb"},
		{"UTF-8 cut in a character", "x\xe2\x82", "xâ‚"},
		{"terminal escape", "\x1b[31mred\x1b[0m", "\ufffd[31mred\ufffd[0m"},
		{"C1 control introducer", "\u009b31m", "\ufffd31m"},
		{"the same as a raw byte", "\x9b31m", "›31m"},
		{"bell, backspace, delete, NUL", "\a\b\x7f\x00", "\ufffd\ufffd\ufffd\ufffd"},
		{"line ends and tabs", "a\r\nb\tc\n", "a b c"},
		{"Unicode line ends", "a\u2028b\u2029c\u0085d", "a b c d"},
		{"bidi override and isolate", "a\u202eb\u2066c", "abc"},
		{"bidi marks and embeddings", "a\u200e\u200f\u061c\u202ab\u202d\u202c\u2067\u2068\u2069c", "abc"},
		{"tags and soft hyphen", "a\U000e0041\u00adb", "ab"},
		{"zero width", "a\u200bb\ufeffc", "abc"},
		{"only invisible", "\u200b\u202e \t", ""},
		{"no-break space", "49\u00a0%", "49 %"},
		{"private use", "\ue000", "\ufffd"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := printable(tt.in); got != tt.want {
				t.Errorf("printable(%q) = %q, want %q", tt.in, got, tt.want)
			}
		})
	}
}

func FuzzPrintable(f *testing.F) {
	f.Add("Invoice \x1b[2J \x80 \u202e é")
	f.Fuzz(func(t *testing.T, in string) {
		got := printable(in)
		if !utf8.ValidString(got) {
			t.Errorf("printable(%q) = %q, not valid UTF-8", in, got)
		}
		if i := strings.IndexFunc(got, func(r rune) bool { return !unicode.IsPrint(r) }); i >= 0 {
			t.Errorf("printable(%q) = %q, not printable at %d", in, got, i)
		}
		if again := printable(got); again != got {
			t.Errorf("printable is not stable: %q, then %q", got, again)
		}
		if w := textWidth(fit(got, 20)); w != 20 {
			t.Errorf("fit(%q, 20) takes %d columns", got, w)
		}
	})
}

func TestFit(t *testing.T) {
	for _, tt := range []struct {
		name, in string
		n        int
		want     string
	}{
		{"shorter", "abc", 5, "abc  "},
		{"exact", "abcde", 5, "abcde"},
		{"one too long", "abcdef", 5, "abcd…"},
		{"empty", "", 2, "  "},
		{"wide, exact", "請求", 4, "請求"},
		{"wide, cut", "請求書", 5, "請求…"},
		{"wide, cut in the middle of a column pair", "請求書", 4, "請… "},
		{"wide at the edge", "abc請", 4, "abc…"},
		{"emoji", "📄📄", 3, "📄…"},
		{"combining mark counts nothing", "e\u0301tat", 4, "e\u0301tat"},
		{"combining mark at the edge", "abcde\u0301", 5, "abcde\u0301"},
		{"one column", "abc", 1, "…"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := fit(tt.in, tt.n)
			if got != tt.want {
				t.Errorf("fit(%q, %d) = %q, want %q", tt.in, tt.n, got, tt.want)
			}
			if w := textWidth(got); w != tt.n {
				t.Errorf("fit(%q, %d) takes %d columns", tt.in, tt.n, w)
			}
		})
	}
}

func TestSender(t *testing.T) {
	desk := imap.Address{Name: "Service Desk", Mailbox: "servicedesk", Host: "contoso.com"}
	bare := imap.Address{Mailbox: "billing", Host: "example.com"}
	group := imap.Address{Mailbox: "Suppliers"}
	for _, tt := range []struct {
		name string
		env  imap.Envelope
		want string
	}{
		{"name", imap.Envelope{From: []imap.Address{desk}}, "Service Desk"},
		{"no name", imap.Envelope{From: []imap.Address{bare}}, "billing@example.com"},
		{"name of nothing visible", imap.Envelope{From: []imap.Address{{Name: "\u200b", Mailbox: "a", Host: "example.com"}}}, "a@example.com"},
		{"first of several", imap.Envelope{From: []imap.Address{bare, desk}}, "billing@example.com"},
		{"no From", imap.Envelope{Sender: []imap.Address{desk}}, "Service Desk"},
		{"group", imap.Envelope{From: []imap.Address{group, bare, {}}}, "billing@example.com"},
		{"empty group", imap.Envelope{From: []imap.Address{group, {}}}, "(no sender)"},
		{"nobody", imap.Envelope{}, "(no sender)"},
		{"escape in the address", imap.Envelope{From: []imap.Address{{Mailbox: "\x1b[2J", Host: "example.com"}}}, "\ufffd[2J@example.com"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := sender(&tt.env); got != tt.want {
				t.Errorf("sender = %q, want %q", got, tt.want)
			}
		})
	}
}
