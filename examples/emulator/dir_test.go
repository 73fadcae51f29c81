package main

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func openIn(t *testing.T, path string) *directory {
	t.Helper()
	d, err := openDirectory(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.root.Close() })
	return d
}

func names(t *testing.T, dir string) []string {
	t.Helper()
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, f := range files {
		list = append(list, f.Name())
	}
	return list
}

// mustWrite writes a file, which is not the program's.
func mustWrite(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func link(t *testing.T, target, name string) {
	t.Helper()
	if err := os.Symlink(target, name); err != nil {
		t.Skip(err) // Windows wants a privilege for that
	}
}

func TestDirectoryOfOthers(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has other permissions")
	}
	for name, row := range map[string]struct {
		plant func(t *testing.T, path string)
		want  string // in the error; empty for none
	}{
		"not there":                   {func(*testing.T, string) {}, ""},
		"the user's own":              {func(t *testing.T, path string) { mustMkdir(t, path, 0o700) }, ""},
		"others may read":             {func(t *testing.T, path string) { mustMkdir(t, path, 0o755) }, ""},
		"everybody may write":         {func(t *testing.T, path string) { mustMkdir(t, path, 0o777) }, "others may write there"},
		"everybody may write, sticky": {func(t *testing.T, path string) { mustMkdir(t, path, 0o777|os.ModeSticky) }, "others may write there"},
		"the group may write":         {func(t *testing.T, path string) { mustMkdir(t, path, 0o770) }, "others may write there"},
		"another owner": {func(t *testing.T, path string) {
			if os.Geteuid() != 0 {
				t.Skip("only root can give a directory away")
			}
			mustMkdir(t, path, 0o700)
			if err := os.Chown(path, 65534, 65534); err != nil {
				t.Fatal(err)
			}
		}, "belongs to another user"},
		"a link to a directory": {func(t *testing.T, path string) { link(t, t.TempDir(), path) }, "it is a link"},
		"a file":                {func(t *testing.T, path string) { mustWrite(t, path, "") }, "not a directory"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "exoauth-emulator")
			row.plant(t, path)
			d, err := openDirectory(path)
			if err == nil {
				d.root.Close()
			}
			if row.want == "" && err != nil || row.want != "" && (err == nil || !strings.Contains(err.Error(), row.want)) {
				t.Errorf("error %v, want %q", err, row.want)
			}
		})
	}
}

func mustMkdir(t *testing.T, path string, mode os.FileMode) {
	t.Helper()
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

// What a link points to stays as it is; the link gives way.
func TestPlantedLinks(t *testing.T) {
	dir := t.TempDir()
	victim := filepath.Join(dir, ".bashrc")
	mustWrite(t, victim, "export PS1=$\n")
	path := filepath.Join(dir, "settings")
	d := openIn(t, path)
	for _, name := range []string{"ca.pem", "settings.env", "admin.txt"} {
		link(t, victim, filepath.Join(path, name))
		if err := d.write(name, []byte("new")); err != nil {
			t.Fatal(err)
		}
		info, err := os.Lstat(filepath.Join(path, name))
		if err != nil || !info.Mode().IsRegular() || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
	if text, err := os.ReadFile(victim); err != nil || string(text) != "export PS1=$\n" {
		t.Errorf("written through a link: %q, %v", text, err)
	}
	d.clear()
	if left := names(t, path); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

// A file that has been open since before is not written into.
func TestWriteMakesANewFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "settings")
	d := openIn(t, path)
	mustWrite(t, filepath.Join(path, "settings.env"), "old")
	if runtime.GOOS == "windows" {
		t.Skip("Windows does not replace an open file")
	}
	before, err := os.Open(filepath.Join(path, "settings.env"))
	if err != nil {
		t.Fatal(err)
	}
	defer before.Close()
	if err := d.write("settings.env", []byte("new")); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 10)
	if n, _ := before.Read(b); string(b[:n]) != "old" {
		t.Errorf("%q", b[:n])
	}
}

// Of two programs with one directory the first to end leaves the files to the
// other.
func TestClearLeavesWhatOthersWrote(t *testing.T) {
	path := filepath.Join(t.TempDir(), "settings")
	first, second := openIn(t, path), openIn(t, path)
	for _, d := range []*directory{first, second} {
		if err := d.write("settings.env", []byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	first.clear()
	if left := names(t, path); len(left) != 1 {
		t.Errorf("left: %v", left)
	}
	second.clear()
	if left := names(t, path); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
}
