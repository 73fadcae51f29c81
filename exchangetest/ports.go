package exchangetest

import (
	"context"
	"net"
	"strings"

	"github.com/exoauth/exoauth/exchangetest/internal/clouds"
)

// A mailPort is a port that a mail server listens on.
type mailPort struct {
	net.Listener
	hosts map[string]bool // that Microsoft's servers of this kind have
	port  string          // that they listen on
	serve func(net.Conn)
}

// mailPorts are those of the server.
type mailPorts struct{ imap, pop, plainIMAP, plainPOP, smtp, hve *mailPort }

func (s *Server) openMailPorts() {
	imap, smtp := clouds.MailHosts()
	at := func(hosts map[string]bool, port string, serve func(net.Conn)) *mailPort {
		return &mailPort{listen(), hosts, port, serve}
	}
	s.mail = mailPorts{
		imap:      at(imap, "993", s.serveIMAP),
		pop:       at(imap, "995", s.servePOP),
		plainIMAP: at(imap, "143", s.servePlainIMAP),
		plainPOP:  at(imap, "110", s.servePlainPOP),
		smtp:      at(smtp, "587", s.serveSMTP),
		hve:       at(map[string]bool{clouds.HVEHost: true, clouds.OldHVEHost: true}, "587", s.serveHVE),
	}
}

func (p *mailPorts) all() []*mailPort {
	return []*mailPort{p.imap, p.pop, p.plainIMAP, p.plainPOP, p.smtp, p.hve}
}

// DialContext dials the server's own port where addr is that of an IMAP, POP3
// or SMTP server of [exoauth.Clouds] or of outlook.com, the ports 143 and 110
// included, on which the client starts TLS, or of High Volume Email; and any
// other addr as [net.Dialer.DialContext] does. It does not speak TLS; the
// server's certificate is valid for all these names, and for 127.0.0.1, ::1 and
// localhost.
func (s *Server) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	if host, port, err := net.SplitHostPort(strings.ToLower(addr)); err == nil {
		for _, p := range s.mail.all() {
			if p.hosts[host] && p.port == port {
				addr = p.Addr().String()
			}
		}
	}
	var d net.Dialer
	return d.DialContext(ctx, network, addr)
}

// PlainIMAP and PlainPOP are host:port of the servers on which the client
// starts TLS: 143 and 110 in Exchange Online.
func (s *Server) PlainIMAP() string { return s.mail.plainIMAP.Addr().String() }

// PlainPOP is documented at [Server.PlainIMAP].
func (s *Server) PlainPOP() string { return s.mail.plainPOP.Addr().String() }

// HVE is host:port of the server for High Volume Email, which is
// smtp.hve.mx.microsoft:587 in Microsoft 365, formerly
// smtp-hve.office365.com:587. Unlike the other SMTP server it refuses a token
// that expires within ten minutes, and has its own words for a refusal.
func (s *Server) HVE() string { return s.mail.hve.Addr().String() }
