package interop

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"github.com/exoauth/exoauth/xoauth2"
)

// session is one of go-imap's own client, with the user's INBOX selected.
func (w *world) session(t testing.TB) *imapclient.Client {
	t.Helper()
	config := w.TLSConfig()
	config.ServerName = "outlook.office365.com"
	client, err := imapclient.DialTLS(w.Cloud().IMAP, &imapclient.Options{TLSConfig: config})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	if err := client.Authenticate(xoauth2.NewClient(upn, w.app.Token(nil))); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Select("INBOX", nil).Wait(); err != nil {
		t.Fatal(err)
	}
	return client
}

// flags are those of the messages in the user's INBOX.
func (w *world) flags(t testing.TB) (list []string) {
	t.Helper()
	messages, err := w.session(t).Fetch(imap.SeqSet{{Start: 1, Stop: 0}}, &imap.FetchOptions{Flags: true}).Collect()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range messages {
		list = append(list, fmt.Sprint(m.Flags))
	}
	return list
}

// fill puts messages into the user's INBOX. The first has the flags.
func (w *world) fill(count int, flags ...imap.Flag) {
	for i := range count {
		w.user.Mailbox.Append("INBOX", fmt.Appendf(nil, "Message-ID: <%d@contoso.com>\r\nSubject: message %d\r\n\r\nx\r\n", i, i), flags...)
		flags = nil
	}
}

// A syncer copies a mailbox to a Maildir and back.
type syncer struct {
	name  string
	ready func(t *testing.T) (program string) // or the test is skipped
	// configure writes the settings to dir and returns the arguments. The
	// INBOX is at dir/mail/INBOX, the token in dir/token.
	configure func(dir, ca, host, port string) (settings string, args []string)
}

var syncers = []syncer{
	{"mbsync", func(t *testing.T) string {
		program := lookPath(t, "install Debian's isync", "mbsync")
		if modules, _ := filepath.Glob("/usr/lib/*/sasl2/libkdexoauth2.so"); len(modules) == 0 {
			missing(t, "Cyrus SASL has no XOAUTH2: install Debian's libsasl2-modules-kdexoauth2")
		}
		return program
	}, func(dir, ca, host, port string) (string, []string) {
		return fmt.Sprintf(`IMAPAccount exchange
Host %s
Port %s
User %s
PassCmd "cat %s/token"
SSLType IMAPS
CertificateFile %s
AuthMechs XOAUTH2

IMAPStore far
Account exchange

MaildirStore near
Path %[4]s/mail/
Inbox %[4]s/mail/INBOX

Channel all
Far :far:
Near :near:
Patterns INBOX
Create Near
Sync All
SyncState *
`, host, port, upn, dir, ca), []string{"-c", dir + "/settings", "-a"}
	}},
	{"offlineimap", func(t *testing.T) string {
		return lookPath(t, "install Debian's offlineimap3", "offlineimap", "offlineimap3")
	}, func(dir, ca, host, port string) (string, []string) {
		return fmt.Sprintf(`[general]
accounts = all
metadata = %[1]s/metadata

[Account all]
localrepository = near
remoterepository = far

[Repository near]
type = Maildir
localfolders = %[1]s/mail

[Repository far]
type = IMAP
remotehost = %[2]s
remoteport = %[3]s
remoteuser = %[4]s
ssl = yes
sslcacertfile = %[5]s
auth_mechanisms = XOAUTH2
oauth2_access_token_eval = open("%[1]s/token").read()
folderfilter = lambda name: name == "INBOX"
`, dir, host, port, upn, ca), []string{"-o", "-u", "quiet", "-c", dir + "/settings"}
	}},
}

// Who keeps a copy of a mailbox finds the flags of it there, and what is changed
// in the copy in the mailbox.
func TestSync(t *testing.T) {
	for _, s := range syncers {
		t.Run(s.name, func(t *testing.T) {
			program := s.ready(t)
			w, _, ca := reader(t)
			w.user.Mailbox.DeleteFolder("INBOX")
			w.user.Mailbox.CreateFolder("INBOX")
			w.fill(2, imap.FlagSeen, imap.FlagFlagged)
			dir := t.TempDir()
			_, port, err := net.SplitHostPort(w.Cloud().IMAP)
			if err != nil {
				t.Fatal(err)
			}
			settings, args := s.configure(dir, ca, "localhost", port)
			err = errors.Join(os.MkdirAll(dir+"/mail", 0o700), os.WriteFile(dir+"/settings", []byte(settings), 0o600), os.WriteFile(dir+"/token", []byte(w.app.Token(nil)), 0o600))
			if err != nil {
				t.Fatal(err)
			}
			sync := func() {
				t.Helper()
				cmd := exec.CommandContext(t.Context(), program, args...)
				cmd.Env = append(os.Environ(), "HOME="+dir)
				if out, err := cmd.CombinedOutput(); err != nil {
					t.Fatalf("%v\n%s", err, out)
				}
			}
			sync()
			copies := maildir(t, dir+"/mail/INBOX")
			if len(copies) != 2 || suffix(copies["message 0"]) != "FS" || suffix(copies["message 1"]) != "" {
				t.Fatalf("the copy has %q", copies)
			}
			// The one is read and flagged in the copy, the other no longer.
			mark(t, copies["message 1"], "FS")
			mark(t, copies["message 0"], "")
			sync()
			if got := w.flags(t); !slices.Equal(got, []string{"[]", `[\Seen \Flagged]`}) {
				t.Fatalf("the mailbox has %q", got)
			}
			client := w.session(t)
			if err := client.Store(imap.SeqSetNum(1), &imap.StoreFlags{Op: imap.StoreFlagsAdd, Silent: true, Flags: []imap.Flag{imap.FlagSeen}}, nil).Close(); err != nil {
				t.Fatal(err)
			}
			sync()
			if copies := maildir(t, dir+"/mail/INBOX"); suffix(copies["message 0"]) != "S" || suffix(copies["message 1"]) != "FS" {
				t.Errorf("the copy has %q", copies)
			}
		})
	}
}

// maildir returns the files of a Maildir by subject.
func maildir(t *testing.T, dir string) map[string]string {
	t.Helper()
	files, err := filepath.Glob(dir + "/[cn]*/*")
	if err != nil {
		t.Fatal(err)
	}
	found := make(map[string]string)
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		_, subject, _ := strings.Cut(string(text), "Subject: ")
		subject, _, _ = strings.Cut(subject, "\n")
		found[strings.TrimSpace(subject)] = name
	}
	return found
}

// suffix are the flags in the name of a file.
func suffix(name string) string {
	_, flags, _ := strings.Cut(filepath.Base(name), ":2,")
	return flags
}

// mark gives a file other flags.
func mark(t *testing.T, name, flags string) {
	t.Helper()
	base, _, _ := strings.Cut(filepath.Base(name), ":2,")
	if err := os.Rename(name, filepath.Join(filepath.Dir(name), "..", "cur", base+":2,"+flags)); err != nil {
		t.Fatal(err)
	}
}

// ImapFlow moves one of four messages and knows of three, and gives up on a
// keyword. Python finds out what Exchange says to one.
func TestMoveAndKeyword(t *testing.T) {
	node := lookPath(t, "install Debian's nodejs and npm", "node")
	python := lookPath(t, "install Debian's python3", "python3")
	if _, err := os.Stat("node_modules/imapflow"); err != nil {
		missing(t, "ImapFlow is not there: npm --prefix exchangetest/interop ci")
	}
	w, env, ca := reader(t)
	w.fill(3)
	env = append(env, "NODE_EXTRA_CA_CERTS="+ca)
	wantLines(t, run(t, env, node, "testdata/move.mjs"), "moved 2 to 1", "exists 3", "keyword false", "special Deleted Items \\Trash", "special Drafts \\Drafts", "special Junk Email \\Junk", "special Sent Items \\Sent")
	if inbox, archive := w.user.Mailbox.Messages("INBOX"), w.user.Mailbox.Messages("Archive"); len(inbox) != 3 || len(archive) != 1 {
		t.Errorf("%d in INBOX and %d in Archive", len(inbox), len(archive))
	}
	wantLines(t, run(t, env, python, "testdata/keyword.py"),
		"STORE: STORE command error: BAD [b'Command Argument Error. 11']",
		"SEARCH: SEARCH command error: BAD [b'Command Argument Error. 11']",
		"APPEND: 4 (FLAGS (\\Seen))")
}

// go-imap's own client goes on after it wanted to copy what is gone, and a
// sequence number that is none. A move of a UID that is gone ends it: to the
// COPYUID without UIDs that Exchange sends (https://github.com/jstedfast/MailKit/issues/1275)
// it has no answer.
func TestCopyOfWhatIsGone(t *testing.T) {
	w := newWorld(t)
	w.tenant.Grant(w.app, upn)
	w.fill(4)
	client := w.session(t)
	for _, row := range []struct {
		name string
		set  imap.NumSet
		move bool
		want string
	}{
		{"COPY of a UID", imap.UIDSetNum(99), false, ""},
		{"COPY of a number", imap.SeqSetNum(9), false, "The specified message set is invalid."},
		{"MOVE of a number", imap.SeqSetNum(9), true, "The specified message set is invalid."},
		{"MOVE of one that is there, and one that is not", imap.UIDSetNum(2, 99), true, ""},
		{"COPY of one that is there, and one that is not", imap.UIDSetNum(1, 2), false, ""},
	} {
		var err error
		if row.move {
			_, err = client.Move(row.set, "Archive").Wait()
		} else {
			_, err = client.Copy(row.set, "Archive").Wait()
		}
		refusal, _ := errors.AsType[*imap.Error](err)
		if row.want == "" && err != nil || row.want != "" && (refusal == nil || refusal.Text != row.want) {
			t.Errorf("%s: %v", row.name, err)
		}
		if err := client.Noop().Wait(); err != nil {
			t.Fatalf("%s: after it: %v", row.name, err)
		}
	}
	if box := client.Mailbox(); box.NumMessages != 3 {
		t.Errorf("it knows of %d messages", box.NumMessages)
	}
	if _, err := client.Move(imap.UIDSetNum(99), "Archive").Wait(); err == nil || !strings.Contains(err.Error(), "expected sequence-set") {
		t.Errorf("MOVE of a UID that is gone: %v", err)
	}
}
