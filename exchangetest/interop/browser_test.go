package interop

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/exoauth/exoauth/exchangetest"
)

// chromium starts a browser. It is not told of the server's authority, and so
// trusts any.
func chromium(t *testing.T) context.Context {
	t.Helper()
	path := lookPath(t, "install Debian's chromium", "chromium", "chromium-browser", "google-chrome")
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox,
		chromedp.Flag("ignore-certificate-errors", true), chromedp.Flag("disable-dev-shm-usage", true))
	allocator, cancel := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(cancel)
	ctx, cancel := chromedp.NewContext(allocator)
	t.Cleanup(cancel)
	ctx, cancel = context.WithTimeout(ctx, time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// looks are the ways in which people look at a page.
var looks = []struct {
	name   string
	width  int64
	scheme string
}{
	{"390-light", 390, "light"}, {"390-dark", 390, "dark"}, {"1280-light", 1280, "light"}, {"1280-dark", 1280, "dark"},
}

// look fails where the page is wider than the window, or a control is too small
// for a finger, or the text does not stand out. With EXO_SCREENSHOTS set to a
// directory it leaves pictures there.
func look(t *testing.T, ctx context.Context, page string) {
	t.Helper()
	for _, l := range looks {
		var wide, small bool
		var contrast float64
		var picture []byte
		err := chromedp.Run(ctx,
			chromedp.EmulateViewport(l.width, 844),
			emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: l.scheme}}),
			chromedp.Evaluate(`document.documentElement.scrollWidth > innerWidth`, &wide),
			chromedp.Evaluate(`[...document.querySelectorAll('button')].some(b => b.getBoundingClientRect().height < 44)`, &small),
			chromedp.Evaluate(contrastScript, &contrast),
			chromedp.FullScreenshot(&picture, 100),
		)
		if err != nil {
			t.Fatal(err)
		}
		if wide || small || contrast < 4.5 {
			t.Errorf("%s %s: too wide %v, too small to hit %v, least contrast %.1f", page, l.name, wide, small, contrast)
		}
		if dir := os.Getenv("EXO_SCREENSHOTS"); dir != "" {
			if err := os.WriteFile(filepath.Join(dir, page+"-"+l.name+".png"), picture, 0o600); err != nil {
				t.Error(err)
			}
		}
	}
}

// contrastScript returns the least contrast of a text to what is behind it
// (WCAG 2.2 section 1.4.3).
const contrastScript = `(() => {
  const light = c => { const [r, g, b] = c.match(/[\d.]+/g).map(v => v / 255).map(v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4); return .2126 * r + .7152 * g + .0722 * b; };
  const behind = e => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor; if (!/, 0\)|transparent/.test(c)) return c; } return 'rgb(255, 255, 255)'; };
  return Math.min(21, ...[...document.querySelectorAll('main *, header *, section *')].filter(e => [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim())).filter(e => !['SCRIPT', 'OPTION'].includes(e.tagName)).map(e => {
    const a = light(getComputedStyle(e).color), b = light(behind(e)); return (Math.max(a, b) + .05) / (Math.min(a, b) + .05); }));
})()`

// A callback is where the pages lead back to.
func callback(t *testing.T) (uri string, answers chan url.Values) {
	answers = make(chan url.Values, 1)
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err == nil && r.URL.Path == "/" {
			answers <- r.Form
		}
		fmt.Fprint(w, "<html><body id=back>Back</body></html>")
	}))
	t.Cleanup(web.Close)
	return strings.Replace(web.URL, "127.0.0.1", "localhost", 1), answers
}

func (w *world) signInURL(redirect string, pairs ...string) string {
	q := url.Values{
		"client_id": {w.app.ClientID}, "response_type": {"code"}, "redirect_uri": {redirect},
		"scope": {strings.Join(userScopes, " ") + " offline_access"}, "state": {"s"}, "prompt": {"login"},
	}
	for i := 0; i < len(pairs); i += 2 {
		q.Set(pairs[i], pairs[i+1])
	}
	return w.Cloud().Authority + "/organizations/oauth2/v2.0/authorize?" + q.Encode()
}

// press presses a button and waits for the next page.
func press(action string) chromedp.Action {
	return chromedp.Click(`button[name="action"][value="`+action+`"]`, chromedp.NodeVisible)
}

func signIn(user, password string) chromedp.Action {
	return chromedp.Tasks{
		chromedp.WaitVisible(`[data-step="signin"]`),
		chromedp.SetValue(`input[name="login"]`, user), chromedp.SetValue(`input[name="passwd"]`, password), press("signin"),
	}
}

func TestSignInPages(t *testing.T) {
	w := newWorld(t)
	ctx := chromium(t)
	redirect, answers := callback(t)
	back := chromedp.WaitVisible("#back")
	await := func(key, want string) {
		t.Helper()
		if got := <-answers; got.Get("state") != "s" || !strings.HasPrefix(got.Get(key), want) || got.Get(key) == "" {
			t.Errorf("the application is told %v", got)
		}
	}
	run := func(actions ...chromedp.Action) {
		t.Helper()
		if err := chromedp.Run(ctx, actions...); err != nil {
			t.Fatal(err)
		}
	}
	w.user.SetState(exchangetest.UserState{RequireMFA: true})
	run(chromedp.Navigate(w.signInURL(redirect)), chromedp.WaitVisible(`[data-step="signin"]`))
	look(t, ctx, "signin")
	var problem string
	run(signIn(upn, "wrong"), chromedp.Text("#error", &problem))
	if !strings.HasPrefix(problem, "AADSTS50126") {
		t.Errorf("refused with %q", problem)
	}
	look(t, ctx, "refused")
	run(signIn(upn, w.user.Password), chromedp.WaitVisible(`[data-step="mfa"]`))
	look(t, ctx, "mfa")
	run(press("mfa"), chromedp.WaitVisible(`[data-step="consent"]`))
	look(t, ctx, "consent")
	run(press("decline"), back)
	await("error", "access_denied")
	w.user.SetState(exchangetest.UserState{})
	run(chromedp.Navigate(w.signInURL(redirect)), press("cancel"), back)
	await("error_subcode", "cancel")
	run(chromedp.Navigate(w.signInURL(redirect, "response_mode", "form_post")), signIn(upn, w.user.Password), press("accept"), back)
	await("code", "")
	run(chromedp.Navigate(w.signInURL("https://evil.example.com/")), chromedp.Text("#error", &problem))
	if !strings.HasPrefix(problem, "AADSTS50011") {
		t.Errorf("an unknown redirect URI is refused with %q", problem)
	}
	look(t, ctx, "error")
}
