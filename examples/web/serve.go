package main

import (
	"context"
	"errors"
	"html/template"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"
)

// guard refuses a request for another host name than the application's, or from
// a page of another site: anybody's name can point to this machine, and any
// page can make the browser send a form.
func (a *app) guard(next http.Handler) http.Handler {
	next = http.NewCrossOriginProtection().Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin") // with none, Origin would be null
		origin := r.Header.Get("Origin")
		switch {
		case !strings.HasSuffix(a.address, "://"+r.Host):
			http.Error(w, "The application has another name.", http.StatusMisdirectedRequest)
		case origin != "" && origin != a.address:
			http.Error(w, "This came from another site.", http.StatusForbidden)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// A page is a sentence, and a button for what can be done.
type page struct{ Text, Do string }

var pageTemplate = template.Must(template.New("page").Parse(`<!DOCTYPE html>
<html lang="en"><meta charset="utf-8"><title>Mail</title>
<p>{{.Text}}</p>
{{with .Do}}<form method="post" action="/{{.}}"><button>{{.}}</button></form>{{end}}
</html>
`))

func show(w http.ResponseWriter, status int, p page) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	pageTemplate.Execute(w, p) // fails only if the browser has gone
}

// fail shows the text to the browser, and writes the error to the log.
func fail(w http.ResponseWriter, r *http.Request, status int, text string, err error) {
	if err != nil {
		slog.InfoContext(r.Context(), text, "error", err)
	}
	show(w, status, page{Text: text})
}

// listen takes the port at both addresses of localhost. Otherwise another
// user's program could take the free one, and get the browser's requests.
func listen(port string) ([]net.Listener, error) {
	hosts := []string{"127.0.0.1"}
	if probe, err := net.Listen("tcp", "[::1]:0"); err == nil { // there is IPv6
		probe.Close()
		hosts = append(hosts, "::1")
	}
	var all []net.Listener
	for _, host := range hosts {
		ln, err := net.Listen("tcp", net.JoinHostPort(host, port))
		if err != nil {
			closeAll(all)
			return nil, err
		}
		all = append(all, ln)
	}
	return all, nil
}

func closeAll(listeners []net.Listener) {
	for _, ln := range listeners {
		ln.Close()
	}
}

// serve serves until ctx ends, and then waits for the requests under way.
func serve(ctx context.Context, handler http.Handler, listeners []net.Listener) error {
	server := &http.Server{
		Handler: handler, MaxHeaderBytes: 64 << 10,
		ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 20 * time.Second, WriteTimeout: time.Minute, IdleTimeout: 2 * time.Minute,
	}
	ended := make(chan error, len(listeners))
	for _, ln := range listeners {
		go func() { ended <- server.Serve(ln) }()
	}
	select {
	case err := <-ended:
		return errors.Join(err, server.Close())
	case <-ctx.Done():
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	return server.Shutdown(ctx)
}
