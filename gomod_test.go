package exoauth

import (
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// allowed is what the core may require directly. Whatever else is needed gets
// a module of its own, so that a user of the core never downloads it.
var allowed = []string{
	"github.com/emersion/go-imap/v2",
	"github.com/emersion/go-message",
	"github.com/emersion/go-sasl",
	"github.com/emersion/go-smtp",
	"github.com/gofrs/flock", // file locks that other processes respect, on every system; brings golang.org/x/sys
	"github.com/golang-jwt/jwt/v5",
	"golang.org/x/oauth2",
	"software.sslmate.com/src/go-pkcs12", // PFX as Windows, Key Vault and OpenSSL 3 make it
}

// direct returns the modules that a go.mod requires without "// indirect".
func direct(gomod string) []string {
	var modules []string
	block := false
	for line := range strings.Lines(gomod) {
		requirement, comment, _ := strings.Cut(line, "//")
		fields := strings.Fields(requirement)
		switch {
		case len(fields) == 2 && fields[0] == "require" && fields[1] == "(":
			block = true
			continue
		case len(fields) == 1 && fields[0] == ")":
			block = false
		case len(fields) == 3 && fields[0] == "require":
			fields = fields[1:]
		case !block:
			continue
		}
		if len(fields) == 2 && strings.TrimSpace(comment) != "indirect" {
			modules = append(modules, fields[0])
		}
	}
	return modules
}

func TestDirectRequirements(t *testing.T) {
	gomod, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	modules := direct(string(gomod))
	if len(modules) == 0 {
		t.Fatal("no requirement was read from go.mod")
	}
	for _, module := range modules {
		if !slices.Contains(allowed, module) {
			t.Errorf("go.mod requires %s: see \"Dependencies\" in CONTRIBUTING.md", module)
		}
	}
}

func TestDirect(t *testing.T) {
	const gomod = `module example.com/a // require example.com/no v1.0.0

go 1.26.0

require example.com/single v1.0.0

require (
	example.com/block/v2 v2.0.0
	example.com/remark v1.0.0 // for the tests
	example.com/indirect v1.0.0 // indirect
)

require example.com/single/indirect v1.0.0 // indirect

exclude example.com/excluded v1.0.0

exclude (
	example.com/excluded/too v1.0.0
)

replace example.com/block/v2 => ../b
`
	want := []string{"example.com/single", "example.com/block/v2", "example.com/remark"}
	if got := direct(gomod); !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
