package smallfile

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"
)

func TestText(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	read := Text(path)
	if text, err := read(t.Context()); text != "" || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %q, %v", text, err)
	}
	for _, row := range []struct{ name, content, want, failure string }{
		{"empty", "", "", ""},
		{"white space around", "\t a b\r\n", "a b", ""},
		{"replaced", "c", "c", ""},
		{"1 MiB", strings.Repeat("x", Max), strings.Repeat("x", Max), ""},
		{"an octet more", strings.Repeat("x", Max+1), "", "longer than 1 MiB"},
	} {
		if err := os.WriteFile(path, []byte(row.content), 0o600); err != nil {
			t.Fatal(err)
		}
		text, err := read(t.Context())
		if text != row.want || (err == nil) != (row.failure == "") || err != nil && !strings.Contains(err.Error(), row.failure) {
			t.Errorf("%s: %.20q, %v", row.name, text, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if text, err := read(ctx); text != "" || err != context.Canceled {
		t.Errorf("context that has ended: %q, %v", text, err)
	}
}

// A file is read whole up to the limit, and is closed, not left to the garbage
// collector.
func TestRead(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	path := filepath.Join(t.TempDir(), "file")
	for n, good := range map[int]bool{0: true, 1 << 20: true, 1<<20 + 1: false} {
		if err := os.WriteFile(path, make([]byte, n), 0o600); err != nil {
			t.Fatal(err)
		}
		data, err := Read(path)
		if (err == nil) != good || good && len(data) != n {
			t.Errorf("%d bytes: %d, %v", n, len(data), err)
		}
	}
	links, _ := filepath.Glob("/proc/self/fd/*") // none but on Linux
	for _, link := range links {
		if to, _ := os.Readlink(link); to == path {
			t.Errorf("%s is still open", to)
		}
	}
}
