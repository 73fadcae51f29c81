package exchangetest

import (
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// rooms are the packages below internal, each with the rooms that it may know.
// Those that are in small stand for themselves, and anybody may know them. The
// public package may know all.
var rooms = map[string]string{
	"resource":   "",
	"aadsts":     "",
	"directory":  "resource clouds aadsts mailstore",
	"token":      "directory resource clouds",
	"record":     "",
	"fault":      "aadsts",
	"access":     "directory token record resource clouds aadsts mailstore",
	"mailserver": "access fault record resource",
	"imapd":      "mailserver access directory fault resource mailstore",
	"smtpd":      "mailserver access directory fault record resource aadsts",
	"popd":       "mailserver access directory fault resource mailstore",
	"web":        "fault",
	"entra":      "web directory token fault record resource clouds aadsts",
	"azurehost":  "web directory token fault record",
	"admin":      "directory resource powershell azcli",
}

// small are the rooms without a view on Exchange or Entra ID.
var small = map[string]string{
	"guid": "", "broadcast": "", "clock": "broadcast", "clouds": "", "drip": "clock", "pki": "",
	"imapline": "", "mailstore": "broadcast imapline", "smtpline": "", "lineconn": "clock drip",
	"redirecturi": "", "signinpage": "", "tokenkey": "pki", "assertion": "", "powershell": "", "azcli": "powershell",
}

func TestArrows(t *testing.T) {
	const prefix = "github.com/exoauth/exoauth/exchangetest/internal/"
	files, err := filepath.Glob("internal/*/*.go")
	if err != nil || len(files) == 0 {
		t.Fatal(err)
	}
	seen := make(map[string]bool)
	for _, name := range files {
		room := filepath.Base(filepath.Dir(name))
		seen[room] = true
		may, planned := rooms[room]
		big := planned
		if !planned {
			may, planned = small[room]
		}
		if !planned {
			t.Fatalf("the room %s is not on the plan, in arrows_test.go", room)
		}
		src, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, src, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, spec := range f.Imports {
			path, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			to, inside := strings.CutPrefix(path, prefix)
			if !inside && strings.HasPrefix(path, "github.com/exoauth/exoauth/exchangetest") {
				t.Errorf("%s imports %s, which is above it", name, path)
			}
			_, free := small[to]
			if inside && !strings.HasSuffix(name, "_test.go") && !(free && big) && !slices.Contains(strings.Fields(may), to) {
				t.Errorf("%s: %s may not know %s", name, room, to)
			}
		}
	}
	for room := range rooms {
		if !seen[room] {
			t.Errorf("there is no room %s", room)
		}
	}
}
