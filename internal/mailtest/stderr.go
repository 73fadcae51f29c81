package mailtest

import (
	"io"
	"os"
	"testing"
)

// Stderr returns the text that f writes to standard error.
func Stderr(t *testing.T, f func()) string {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	before := os.Stderr
	os.Stderr = w
	f()
	os.Stderr = before
	w.Close()
	text, _ := io.ReadAll(r)
	return string(text)
}
