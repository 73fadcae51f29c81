package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// A directory holds the files that clients read: a certificate to trust, and
// secrets. A shell runs one of them. So the directory must belong to the
// program's user, nobody else may write there, and write does not follow links.
type directory struct {
	path    string
	root    *os.Root
	written map[string]fs.FileInfo // by name
}

// openDirectory opens the directory, and makes it if there is none.
func openDirectory(path string) (*directory, error) {
	failed := func(err error) (*directory, error) {
		return nil, fmt.Errorf("no directory for the settings; choose another with -dir: %w", err)
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return failed(err)
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		return failed(err)
	}
	info, err := os.Lstat(path)
	if err == nil && !info.IsDir() {
		err = fmt.Errorf("%s: it is a link or a file, not a directory", path)
	}
	if err != nil {
		return failed(err)
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return failed(err)
	}
	info, err = root.Stat(".") // of the open directory: path may name another by now
	if err == nil {
		err = checkOwn(info)
	}
	if err != nil {
		root.Close()
		return failed(fmt.Errorf("%s: %w", path, err))
	}
	return &directory{path, root, make(map[string]fs.FileInfo)}, nil
}

// write replaces the file, or the link, of that name by a new file.
func (d *directory) write(name string, content []byte) error {
	next := name + "." + rand.Text() + ".new"
	f, err := d.root.OpenFile(next, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	info, statErr := f.Stat()
	if err = errors.Join(err, statErr, f.Close()); err == nil {
		err = d.root.Rename(next, name)
	}
	if err != nil {
		d.root.Remove(next)
		return err
	}
	d.written[name] = info
	return nil
}

// clear removes what this program has written, unless another one has put
// something in its place.
func (d *directory) clear() {
	for name, mine := range d.written {
		if info, err := d.root.Lstat(name); err == nil && os.SameFile(info, mine) {
			d.root.Remove(name)
		}
	}
	d.root.Close()
}
