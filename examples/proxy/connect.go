package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"

	"golang.org/x/net/proxy"
)

// dialFunc is what the dialers take as their DialContext.
type dialFunc func(ctx context.Context, network, addr string) (net.Conn, error)

// through returns a DialContext that goes through a proxy: socks5://host:port
// or http://host:port, https for a proxy that speaks TLS itself, with
// user:password@ where it wants that. The name of the mail server is resolved
// by the proxy. TLS is made with the mail server, so the proxy sees neither
// tokens nor mail.
func through(proxyURL string) (dialFunc, error) {
	u, err := url.Parse(proxyURL)
	if err != nil || u.Host == "" {
		return nil, fmt.Errorf("the proxy is not a URL such as socks5://proxy.example.com:1080")
	}
	switch u.Scheme {
	case "socks5":
		return throughSOCKS(u)
	case "http", "https":
		return (&connectProxy{u}).dial, nil
	}
	return nil, fmt.Errorf("no way through a proxy of the kind %q; there are socks5, http and https", u.Scheme)
}

func throughSOCKS(u *url.URL) (dialFunc, error) {
	var auth *proxy.Auth
	if u.User != nil {
		password, _ := u.User.Password()
		auth = &proxy.Auth{User: u.User.Username(), Password: password}
	}
	dialer, err := proxy.SOCKS5("tcp", u.Host, auth, proxy.Direct)
	if err != nil {
		return nil, err
	}
	return dialer.(proxy.ContextDialer).DialContext, nil
}

// connectProxy is one that knows CONNECT (RFC 9110 §9.3.6).
type connectProxy struct{ url *url.URL }

func (p *connectProxy) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, p.url.Host)
	if err != nil {
		return nil, fmt.Errorf("proxy: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() }) // the conversation lives by ctx
	tunnel, err := p.connect(conn, addr)
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		conn.Close()
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return nil, fmt.Errorf("proxy: %w", err)
	}
	return tunnel, nil
}

func (p *connectProxy) connect(conn net.Conn, addr string) (net.Conn, error) {
	if p.url.Scheme == "https" {
		conn = tls.Client(conn, &tls.Config{ServerName: p.url.Hostname(), MinVersion: tls.VersionTLS12})
	}
	request := &http.Request{Method: http.MethodConnect, URL: &url.URL{Opaque: addr}, Host: addr, Header: make(http.Header)}
	if user := p.url.User; user != nil {
		password, _ := user.Password()
		request.SetBasicAuth(user.Username(), password)
		request.Header.Set("Proxy-Authorization", request.Header.Get("Authorization"))
		request.Header.Del("Authorization")
	}
	if err := request.Write(conn); err != nil {
		return nil, err
	}
	const most = 16 << 10 // of an answer
	reader := bufio.NewReader(io.LimitReader(conn, most))
	response, err := http.ReadResponse(reader, request)
	if err != nil {
		return nil, err
	}
	if response.StatusCode/100 != 2 {
		return nil, fmt.Errorf("CONNECT %s: %s", addr, response.Status)
	}
	// An SMTP server speaks first, and may have done so already.
	ahead, err := reader.Peek(reader.Buffered())
	return &tunnel{conn, ahead}, err
}

// tunnel gives what was read ahead first.
type tunnel struct {
	net.Conn
	ahead []byte
}

func (t *tunnel) Read(p []byte) (int, error) {
	if len(t.ahead) > 0 {
		n := copy(p, t.ahead)
		t.ahead = t.ahead[n:]
		return n, nil
	}
	return t.Conn.Read(p)
}
