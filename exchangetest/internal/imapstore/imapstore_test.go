package imapstore

import (
	"reflect"
	"strings"
	"testing"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver/imapmemserver"
)

func TestReadFolder(t *testing.T) {
	for _, folder := range []string{"INBOX", `a "quoted\\" name`, "a/b"} {
		user := imapmemserver.NewUser("a@contoso.com", "")
		if err := user.Create(folder, nil); err != nil {
			t.Fatal(err)
		}
		for _, message := range []string{"Subject: 1\r\n\r\nT OK\r\n", "\r\n{3}\r\n"} {
			if _, err := user.Append(folder, strings.NewReader(message), new(imap.AppendOptions)); err != nil {
				t.Fatal(err)
			}
		}
		got, err := ReadFolder(user, folder)
		if err != nil || len(got) != 2 || string(got[0]) != "Subject: 1\r\n\r\nT OK\r\n" || string(got[1]) != "\r\n{3}\r\n" {
			t.Errorf("%s: %q, %v", folder, got, err)
		}
		if _, err := ReadFolder(user, "elsewhere"); err == nil || !strings.HasPrefix(err.Error(), "NO ") {
			t.Errorf("a folder that is not there: %v", err)
		}
	}
}

func TestPlay(t *testing.T) {
	user := imapmemserver.NewUser("a@contoso.com", "")
	err := Play(user, func(do func(string) (*Response, error)) error {
		r, err := do("CAPABILITY")
		if err != nil || len(r.Lines) != 2 || len(r.Literals) != 0 {
			t.Errorf("%+v, %v", r, err)
		}
		_, err = do("XYZZY")
		return err
	})
	if err == nil || !strings.HasPrefix(err.Error(), "BAD ") {
		t.Error(err)
	}
}

func TestInbox(t *testing.T) {
	user := imapmemserver.NewUser("a@contoso.com", "")
	if _, err := Inbox(user); err == nil {
		t.Error("no error where there is no INBOX")
	}
	if err := user.Create("INBOX", nil); err != nil {
		t.Fatal(err)
	}
	if got, err := Inbox(user); err != nil || len(got) != 0 {
		t.Errorf("an empty one: %q, %v", got, err)
	}
	for _, message := range []string{"\r\nfirst UID 9", "\r\nsecond", "\r\nthird"} {
		if _, err := user.Append("INBOX", strings.NewReader(message), &imap.AppendOptions{Flags: []imap.Flag{imap.FlagDeleted}}); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if err := Remove(user, "2"); err != nil {
			t.Error(err)
		}
		got, err := Inbox(user)
		want := []Message{{"1", []byte("\r\nfirst UID 9")}, {"3", []byte("\r\nthird")}}
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("without the second: %q, %v", got, err)
		}
	}
}
