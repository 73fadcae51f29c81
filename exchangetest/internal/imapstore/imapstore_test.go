package imapstore

import (
	"reflect"
	"strings"
	"testing"

	"github.com/emersion/go-imap/v2"
)

func TestMessages(t *testing.T) {
	for _, folder := range []string{"INBOX", `a "quoted\\" name`, "a/b"} {
		box := New("a@contoso.com")
		if err := box.Create(folder); err != nil {
			t.Fatal(err)
		}
		for _, message := range []string{"Subject: 1\r\n\r\nT OK\r\n", "\r\n{3}\r\n"} {
			if err := box.Append(folder, []byte(message), new(imap.AppendOptions)); err != nil {
				t.Fatal(err)
			}
		}
		got, err := box.Messages(folder)
		if err != nil || len(got) != 2 || string(got[0]) != "Subject: 1\r\n\r\nT OK\r\n" || string(got[1]) != "\r\n{3}\r\n" {
			t.Errorf("%s: %q, %v", folder, got, err)
		}
		if _, err := box.Messages("elsewhere"); err == nil || !strings.HasPrefix(err.Error(), "NO ") {
			t.Errorf("a folder that is not there: %v", err)
		}
	}
}

func TestPlay(t *testing.T) {
	box := New("a@contoso.com")
	err := box.play(func(do func(string) (*response, error)) error {
		r, err := do("CAPABILITY")
		if err != nil || len(r.lines) != 2 || len(r.literals) != 0 {
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
	box := New("a@contoso.com")
	if _, err := box.Inbox(); err == nil {
		t.Error("no error where there is no INBOX")
	}
	if err := box.Create("INBOX"); err != nil {
		t.Fatal(err)
	}
	if got, err := box.Inbox(); err != nil || len(got) != 0 {
		t.Errorf("an empty one: %q, %v", got, err)
	}
	for _, message := range []string{"\r\nfirst UID 9", "\r\nsecond", "\r\nthird"} {
		if err := box.Append("INBOX", []byte(message), &imap.AppendOptions{Flags: []imap.Flag{imap.FlagDeleted}}); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if err := box.Remove("2"); err != nil {
			t.Error(err)
		}
		got, err := box.Inbox()
		want := []Message{{"1", []byte("\r\nfirst UID 9")}, {"3", []byte("\r\nthird")}}
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("without the second: %q, %v", got, err)
		}
	}
}
