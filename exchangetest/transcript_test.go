package exchangetest

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/base64"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"

	"github.com/exoauth/exoauth/exchangetest/internal/clouds"
)

// A player plays the client of a transcript: C lines are sent, S lines are
// wanted, and lines with an exclamation mark bring the server into the state in
// which the transcript was made. A file that says "replayed" has lines of
// something else than the Exchange Online of today, which is named there: these
// are faults that the file injects, and so prove the player and not the server.
type player struct {
	*world
	t       *testing.T
	user    *User
	token   string
	c       *wire
	started bool // the greeting was read or is wanted
	wanted  int  // lines of the server that were compared
}

func newPlayer(t *testing.T) *player {
	s := NewUnstartedServer()
	w := &world{Server: s, tenant: s.AddTenant("example.com")}
	p := &player{world: w, t: t, user: w.tenant.AddUser("user@example.com")}
	t.Cleanup(s.Close)
	w.tenant.AddMailbox("shared@example.com")
	w.tenant.AddMailbox("other@example.com")
	w.app = w.tenant.AddApp("Client", IMAPAccessAsApp, SMTPSendAsApp, POPAccessAsApp, mailSend)
	w.tenant.Grant(w.app, "user@example.com")
	p.token = w.app.Token(nil)
	return p
}

func (p *player) play(text string) {
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		kind, rest, _ := strings.Cut(line, " ")
		switch kind {
		case "!":
			verb, args, _ := strings.Cut(rest, " ")
			p.direct(verb, args)
		case "C:":
			p.greeting()
			p.c.send(p.withToken(rest))
		case "S:":
			p.started = true
			p.wanted++
			if got, want := normal(p.c.read()), normal(rest+"\r\n"); got != want && !(strings.HasSuffix(rest, ";") && strings.HasPrefix(got, strings.TrimSuffix(want, "\r\n"))) {
				p.t.Fatalf("%s\n got %q\nwant %q", line, got, want)
			}
		}
	}
}

// greeting reads the greeting, where the transcript begins after it.
func (p *player) greeting() {
	if !p.started {
		p.started = true
		p.c.read()
	}
}

var responsePattern = regexp.MustCompile(`dXNlcj[A-Za-z0-9+/=]{20,}`)

// withToken puts the token into what the transcript has an example for.
func (p *player) withToken(line string) string {
	return responsePattern.ReplaceAllStringFunc(line, func(b64 string) string {
		plain, err := base64.StdEncoding.DecodeString(b64)
		if err != nil {
			p.t.Fatal(err)
		}
		return base64.StdEncoding.EncodeToString(bytes.Replace(plain, []byte("EXAMPLE.TOKEN"), []byte(p.token), 1))
	})
}

func (p *player) direct(verb, args string) {
	switch verb {
	case "token":
		p.token = map[string]string{
			"bad":  p.app.Token(&TokenOptions{Audience: "https://graph.microsoft.com"}),
			"user": p.app.Token(&TokenOptions{User: p.user}),

			"expiring": p.app.Token(&TokenOptions{Lifetime: hveLeast - time.Second}),
		}[args]
	case "move":
		p.MoveBeforeLogin = true
	case "admin":
		if _, err := p.tenant.Admin(p.fill(args)); err != nil {
			p.t.Fatal(err)
		}
	case "advance":
		d, err := time.ParseDuration(args)
		if err != nil {
			p.t.Fatal(err)
		}
		p.Advance(d)
	case "password":
		p.user.in.SetPassword(args)
	case "fault":
		words := strings.SplitN(args, " ", 3)
		p.Inject(Fault{At: Place(words[0]), Command: words[1], Reply: strings.ReplaceAll(words[2], "|", "\n")})
	case "challenge":
		words := strings.SplitN(args, " ", 3)
		challenge, reply, _ := strings.Cut(words[2], "|")
		p.Inject(Fault{At: Place(words[0]), Command: words[1], Challenge: challenge, Reply: reply})
	case "append":
		count, flags, _ := strings.Cut(args, " ")
		n, _ := strconv.Atoi(count)
		for range n {
			var list []imap.Flag
			for flag := range strings.FieldsSeq(flags) {
				list = append(list, imap.Flag(flag))
			}
			p.user.Mailbox.Append("INBOX", []byte("\r\nx"), list...)
		}
	case "folder":
		p.user.Mailbox.CreateFolder(args)
	case "nofolder":
		p.user.Mailbox.DeleteFolder(args)
	case "connect":
		p.connect(args)
	case "tls":
		p.c.startTLS(p.Server, "smtp.office365.com")
	case "login":
		p.login()
	case "send":
		p.c.send(args)
	case "ask":
		p.greeting()
		p.c.send(args)
		p.c.read()
	case "quiet":
		p.c.send(args)
		tag, _, _ := strings.Cut(args, " ")
		for !strings.HasPrefix(p.c.read(), tag) && !strings.HasSuffix(args, "IDLE") {
			continue
		}
	case "mail":
		p.mail(p.c, args)
	case "busy":
		for range 3 {
			saved := p.c
			p.connect("smtptls")
			p.login()
			p.mail(p.c, "user@example.com")
			p.c = saved
		}
	default:
		p.t.Fatalf("unknown directive %q", verb)
	}
}

func (p *player) connect(where string) {
	if !p.Server.life.started {
		p.Start()
	}
	port := map[string]string{
		"imap": "outlook.office365.com:993", "imap143": "outlook.office365.com:143",
		"pop": "outlook.office365.com:995", "pop110": "outlook.office365.com:110",
		"smtp": "smtp.office365.com:587", "smtptls": "smtp.office365.com:587", "smtp10": "smtp.office365.com:587",
	}[where]
	p.started = false
	switch where {
	case "imap", "pop":
		p.c = p.dial(p.t, port)
		p.c.startTLS(p.Server, "outlook.office365.com")
	case "smtptls":
		p.c = p.dialSMTP(p.t)
		p.started = true
	case "hve":
		p.c = p.dialSubmission(p.t, clouds.HVEHost)
		p.started = true
	case "smtp10":
		p.c = p.dial(p.t, port)
		p.c.read()
		p.c.send("STARTTLS")
		p.c.read()
		conn := tls.Client(p.c.conn, &tls.Config{RootCAs: p.TLSConfig().RootCAs, ServerName: "smtp.office365.com", MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11})
		if err := conn.Handshake(); err != nil {
			p.t.Fatal(err)
		}
		p.c.conn, p.c.br, p.started = conn, bufio.NewReader(conn), true
	default:
		p.c = p.dial(p.t, port)
	}
}

func (p *player) login() {
	p.greeting()
	ir := xoauth2IR(p.user.UPN, p.token)
	if p.lastSession(p.t).Protocol == "SMTP" {
		p.c.send("AUTH XOAUTH2 " + ir)
		p.c.want("235 2.7.0 Authentication successful")
		return
	}
	p.c.send("LOGIN1 AUTHENTICATE XOAUTH2 " + ir)
	p.c.want("LOGIN1 OK AUTHENTICATE completed.")
}

func (p *player) mail(c *wire, from string) {
	c.send("MAIL FROM:<"+from+">", "RCPT TO:<user@example.com>", "DATA")
	c.want("250 2.1.0 Sender OK", "250 2.1.5 Recipient OK", "354 Start mail input; end with <CRLF>.<CRLF>")
	c.send("From: "+from, "", "x")
}

var normalizers = []struct {
	pattern *regexp.Regexp
	to      string
}{
	{regexp.MustCompile(`ready\. \[.*\]`), "ready. [host]"},
	{regexp.MustCompile(`\[(<host>|[A-Za-z0-9.]+)\S*( [^ \]]+ [^ \]]+)?\]\r`), "[id]\r"},
	{regexp.MustCompile(`(?i)[a-z0-9]+(\.[a-z0-9]+)*\.(outlook|office365|exchangelabs)\.com`), "host"},
	{regexp.MustCompile(`at \w+, \d+ \w+ \d+ [0-9:]+ \+0000( \[id\])?`), "at date"},
	{regexp.MustCompile(`Hello \[.*\]`), "Hello [address]"},
	{regexp.MustCompile(`\* \d+ (EXISTS|RECENT)`), "* n $1"},
	{regexp.MustCompile(`\[(UIDVALIDITY|UIDNEXT|UNSEEN) \d+\]`), "[$1 n]"},
}

// normal leaves out what differs from one server and session to another: host
// names, addresses, ids and dates.
func normal(line string) string {
	line = strings.TrimRight(line, "\r\n ") + "\r\n"
	for _, n := range normalizers {
		line = n.pattern.ReplaceAllString(line, n.to)
	}
	return line
}

// verbatims is how many transcripts were recorded to the byte.
const verbatims = 53

// The dialogues that examples/conformance has written, if there are such.
func TestTranscriptsOfOthers(t *testing.T) {
	names, err := filepath.Glob(filepath.Join(os.Getenv("EXOAUTH_TRANSCRIPTS"), "*.txt"))
	if err != nil || os.Getenv("EXOAUTH_TRANSCRIPTS") != "" && len(names) == 0 {
		t.Fatalf("no transcripts in EXOAUTH_TRANSCRIPTS: %v", err)
	}
	for _, name := range names {
		t.Run(filepath.Base(name), func(t *testing.T) {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			p := newPlayer(t)
			if p.play(string(text)); p.wanted == 0 {
				t.Error("nothing was compared")
			}
		})
	}
}

// Dialogues that were recorded, with Exchange Online for the most part, or that
// its documentation has, each with its public source in the file.
func TestTranscripts(t *testing.T) {
	verbatim := 0
	names, err := filepath.Glob("testdata/transcripts/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), "\n# fidelity: verbatim") {
			verbatim++
		}
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txt"), func(t *testing.T) {
			p := newPlayer(t)
			p.play(string(text))
			if p.wanted == 0 || !strings.HasPrefix(string(text), "# source: ") {
				t.Error("nothing was compared, or nobody knows where it is from")
			}
		})
	}
	if verbatim != verbatims {
		t.Errorf("there are %d verbatim transcripts, not %d", verbatim, verbatims)
	}
}
