package tokencache_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/exoauth/exoauth/internal/mailtest"
	"github.com/exoauth/exoauth/tokencache"
)

// A task is what another process is to do, by running this test's binary. It
// begins when a line comes, and says when it is done.
type task struct {
	Kind               string // "lock", "half a put" or "put"
	Dir                string
	PutBytes, PutCount int
}

const taskVariable = "EXOAUTH_TEST_TASK"

func TestMain(m *testing.M) {
	text := os.Getenv(taskVariable)
	if text == "" {
		m.Run()
		return
	}
	var todo task
	if err := json.Unmarshal([]byte(text), &todo); err != nil {
		panic(err)
	}
	lines := bufio.NewScanner(os.Stdin)
	lines.Scan()
	if err := todo.do(); err != nil {
		panic(err)
	}
	fmt.Println("done")
	lines.Scan()
}

func (k *task) do() error {
	ctx := context.Background()
	cache := tokencache.Dir(k.Dir)
	switch k.Kind {
	case "lock":
		_, _, err := cache.(tokencache.Locker).Lock(ctx, entryKey)
		return err
	case "half a put":
		_, err := tokencache.WriteBeside(filepath.Join(k.Dir, entryKey+".token"), []byte("new"))
		return err
	}
	for i := range k.PutCount {
		value := bytes.Repeat([]byte{'a' + byte(i%26)}, k.PutBytes)
		if err := cache.Put(ctx, entryKey, value); err != nil {
			return err
		}
	}
	return nil
}

// start starts a process and its task. It returns when the task is done,
// unless that is to put values, which goes on.
func (k *task) start(t *testing.T) *mailtest.Process {
	t.Helper()
	p := mailtest.Start(t, taskVariable, k)
	p.Begin()
	if k.Kind != "put" {
		p.Answer(t)
	}
	return p
}

// A process that is killed frees its lock.
func TestKilledProcessFreesItsLock(t *testing.T) {
	c, dir := newDir(t)
	p := (&task{Kind: "lock", Dir: dir}).start(t)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, _, err := c.(tokencache.Locker).Lock(ctx, entryKey); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("the other process is not respected: %v", err)
	}
	next := make(chan error)
	go func() {
		_, unlock, err := c.(tokencache.Locker).Lock(t.Context(), entryKey)
		if err == nil {
			unlock()
		}
		next <- err
	}()
	p.End()
	if err := <-next; err != nil {
		t.Error(err)
	}
}

// Killed before the new file has its name: the old one is there.
func TestProcessKilledBeforeTheRename(t *testing.T) {
	c, dir := newDir(t)
	put(t, c, "old")
	p := (&task{Kind: "half a put", Dir: dir}).start(t)
	p.End()
	if got := names(t, dir); strings.Count(got, ".new") != 1 {
		t.Fatalf("files: %s", got)
	}
	wantEntry(t, c, "old")
	put(t, c, "next")
	wantEntry(t, c, "next")
}

// Killed anywhere in a Put: one value or another, whole.
func TestProcessesKilledInPut(t *testing.T) {
	c, dir := newDir(t)
	put(t, c, "a")
	for range 20 {
		p := (&task{Kind: "put", Dir: dir, PutBytes: 200_000, PutCount: 1 << 30}).start(t)
		first, _ := c.Get(t.Context(), entryKey)
		for got := first; bytes.Equal(got, first); { // until it is at it
			got, _ = c.Get(t.Context(), entryKey)
		}
		p.End()
		got, err := c.Get(t.Context(), entryKey)
		if err != nil || len(got) != 200_000 || strings.Trim(string(got), string(got[:1])) != "" {
			t.Fatalf("%d bytes, %v", len(got), err)
		}
	}
}
