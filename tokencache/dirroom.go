package tokencache

import (
	"context"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"strings"
)

// Reserve writes a file into which Put will write the value. Its content is
// random, since a file system may compress anything else.
func (d *dirCache) Reserve(ctx context.Context, key string, size int) (release func(), err error) {
	path, err := d.path(ctx, key, ".token")
	if err != nil {
		return nil, err
	}
	content := make([]byte, size)
	rand.Read(content)
	var room string
	err = d.do(ctx, key, func() (err error) {
		if err := d.make(key); err != nil {
			return err
		}
		room, err = writeBeside(path, content)
		return err
	}, func() { os.Remove(room) })
	if err != nil {
		return nil, d.outcome(ctx, key, "has no room for its next value", err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.rooms[key] = room
	return func() { d.releaseRoom(key) }, nil
}

// takeRoom returns the file with room for the next value, or "".
func (d *dirCache) takeRoom(key string) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	room := d.rooms[key]
	delete(d.rooms, key)
	return room
}

// releaseRoom removes the file of a reservation that no Put has used. It waits
// for a second at most.
func (d *dirCache) releaseRoom(key string) {
	room := d.takeRoom(key)
	if room == "" {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), unlockLimit)
	defer cancel()
	d.do(ctx, key, func() error { return os.Remove(room) }, nil)
}

// overwrite writes value over the beginning of a file, which takes no more
// room, and cuts off the rest.
func overwrite(path string, value []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|wary, 0)
	if err != nil {
		return err
	}
	_, err = f.Write(value)
	if err == nil {
		err = f.Truncate(int64(len(value)))
	}
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// removeUnfinished removes the files that killed processes have left of an
// entry.
func removeUnfinished(path string) error {
	dir, prefix := filepath.Dir(path), filepath.Base(path)+"."
	files, err := os.ReadDir(dir)
	for _, file := range files {
		if name := file.Name(); strings.HasPrefix(name, prefix) && strings.HasSuffix(name, ".new") {
			err = errors.Join(err, os.Remove(filepath.Join(dir, name)))
		}
	}
	return err
}
